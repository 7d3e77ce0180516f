module github.com/airlock-project/airlock

go 1.26

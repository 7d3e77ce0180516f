package storetest

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/internal/domain"
)

// filled returns a T in which every exported field has a value of its own, so
// that a field which the store forgets shows, also one that is added later.
func filled[T any](k *Kit) T {
	var v T
	f := filler{now: k.Clock.Now()}
	f.fill(reflect.ValueOf(&v).Elem(), "v")
	return v
}

type filler struct {
	n   int
	now time.Time
}

func (f *filler) fill(v reflect.Value, path string) {
	f.n++
	if _, ok := v.Interface().(time.Time); ok {
		v.Set(reflect.ValueOf(f.now.Add(time.Duration(f.n) * time.Microsecond)))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("%s %d Ωé漢\U0001F600 <&>\"'\\\n%%", path, f.n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(f.n))
	case reflect.Uint8:
		v.SetUint(uint64(f.n % 250))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(v.Elem(), path)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		f.fill(v.Index(0), path)
		f.fill(v.Index(1), path)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf(path+" key").Convert(v.Type().Key()), reflect.ValueOf(path+" value").Convert(v.Type().Elem()))
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				f.fill(v.Field(i), path+"."+v.Type().Field(i).Name)
			}
		}
	default:
		panic(fmt.Sprintf("storetest: cannot fill a %s at %s", v.Type(), path))
	}
}

// same compares what was written with what is read; a list that is empty and
// one that is not there are the same.
func same(t *testing.T, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got, emptyLists); diff != "" {
		t.Errorf("read something else than was written (-written +read):\n%s", diff)
	}
}

var emptyLists = cmp.FilterValues(func(a, b any) bool {
	va, vb := reflect.ValueOf(a), reflect.ValueOf(b)
	return va.IsValid() && vb.IsValid() && va.Kind() == reflect.Slice && vb.Kind() == reflect.Slice && va.Len() == 0 && vb.Len() == 0
}, cmp.Comparer(func(any, any) bool { return true }))

// gone checks that reading an object answers that it does not exist.
func gone(t *testing.T, err error) {
	t.Helper()
	wantCode(t, err, domain.CodeNotFound)
}

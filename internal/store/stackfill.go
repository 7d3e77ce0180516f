package store

import (
	"context"
)

// fillPortion is how many stacks are filled in within one transaction.
const fillPortion = 1000

// fillSearch fills in what searches need for the stacks that an older program
// made. It can be interrupted, and goes on at the next start.
func (s *Store) fillSearch(ctx context.Context) error {
	for {
		n, err := s.fillSome(ctx)
		if err != nil || n < fillPortion {
			return err
		}
	}
}

func (s *Store) fillSome(ctx context.Context) (int, error) {
	tx, err := s.begin(ctx, lockNone)
	if err != nil {
		return 0, err
	}
	defer tx.rollback() // a no-op after the commit
	stacks, err := many(ctx, tx, scanStack, selectStack+` where name_key is null limit $1`+s.dialect.forUpdate(), fillPortion)
	if err != nil || len(stacks) == 0 {
		return 0, err
	}
	for _, st := range stacks {
		err := tx.exec(ctx, `update stacks set name_key = $2, words = $3, vendor = $4 where id = $1`,
			st.ID, st.SortKey(), st.SearchText(), st.Vendor.Name())
		if err != nil {
			return 0, err
		}
	}
	return len(stacks), tx.commit()
}

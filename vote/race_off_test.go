//go:build !race

package vote_test

const defaultHistories = 20_000

//go:build race

package vote_test

// The race detector costs a factor of ten, and there is nothing concurrent in this package.
const defaultHistories = 1_000

// Package e2e tests the built program from outside: its arguments, its input and output, its exit code,
// its files, and its peers. The test binary is the program, too: it starts itself again.
package e2e

//go:build !race

package cli

// raceDetector: the memory that it takes itself says nothing about ours.
const raceDetector = false

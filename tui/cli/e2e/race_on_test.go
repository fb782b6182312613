//go:build race

package e2e

// raceDetector: the memory that it takes itself says nothing about ours.
const raceDetector = true

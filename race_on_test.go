//go:build race

package main

// raceDetector: the memory that it takes itself says nothing about ours.
const raceDetector = true

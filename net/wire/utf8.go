package wire

import "unicode/utf8"

// TruncateUTF8 returns the longest beginning of text that has at most size bytes and ends between two
// characters. Where text isn't UTF-8 it may end anywhere.
func TruncateUTF8[T string | []byte](text T, size int) T {
	if len(text) <= size {
		return text
	}
	for end := size; end >= max(size-utf8.UTFMax+1, 0); end-- {
		if utf8.RuneStart(text[end]) {
			return text[:end]
		}
	}
	return text[:size]
}

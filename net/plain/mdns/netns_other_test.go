//go:build !linux

package mdns

// roleEnv selects a role in the tests with network namespaces, which only Linux has.
const roleEnv = "P2PCHAT_MDNS_TEST_ROLE"

func play(string) {}

package store

import (
	"encoding/json"

	"chat.lan/p2pchat/crypto/record"
)

// SignedRecord is a record as it lies in a small value: what was signed, and the signature.
type SignedRecord struct {
	Body string `json:"body"`
	Sig  []byte `json:"sig"`
}

// SignedRecordOf returns the stored form of a record.
func SignedRecordOf(r *record.Record) SignedRecord { return SignedRecord{r.Signed(), r.Signature()} }

// Verify parses the record and checks its signature.
func (s SignedRecord) Verify() (*record.Record, error) {
	claim, err := record.Parse(s.Body, s.Sig)
	if err != nil {
		return nil, err
	}
	return claim.Verify()
}

// EncodeRecord returns a record as a small value.
func EncodeRecord(r *record.Record) ([]byte, error) { return json.Marshal(SignedRecordOf(r)) }

// DecodeRecord reads what EncodeRecord wrote, and verifies it.
func DecodeRecord(value []byte) (*record.Record, error) {
	var s SignedRecord
	if err := json.Unmarshal(value, &s); err != nil {
		return nil, err
	}
	return s.Verify()
}

package verify

import (
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/fair"
)

// Job is a message that a link's reader submits: one claim, several claims that stay together (a
// Records frame), or neither. A message without claims only keeps its place. It never has both
// Claim and Claims.
type Job struct {
	Claim  *record.Claim
	Claims []*record.Claim // not modified after Submit; nil elements are not allowed

	// Value is handed through to the Result as it is: the message itself, or what belongs to the
	// claims (the frame's N and End, the time of arrival).
	Value any

	// Flow says whose job it is. A queue keeps the order of jobs within a flow only (see Queue).
	// Rank decides between flows that are equal. Both count only for jobs with claims.
	Flow fair.Flow
	Rank int

	// Size is the length in bytes of the frame that the item came in. It bounds what a queue holds.
	Size int

	// More says that the reader has more to submit at once, as far as it can tell. Without it, Submit
	// itself verifies a single claim that finds its queue at rest. That is the quickest way for one
	// message, but would use a single core for a thousand.
	More bool
}

// Result is a Job after verification.
type Result struct {
	// Record of Job.Claim, or nil and Err.
	Record *record.Record
	Err    error // wraps record.ErrSignature

	// Records of Job.Claims, of the same length, nil where the signature didn't verify; Errs is
	// nil if all did, else of the same length, nil where it did.
	Records []*record.Record
	Errs    []error

	Value any // Job.Value
}

// slot is a job in a queue. The pool's mutex guards its fields, except those of the job, which don't change. There is
// one for each message, so it has only what is needed of the job.
type slot struct {
	only   *record.Claim   // Job.Claim
	claims []*record.Claim // Job.Claims
	size   int             // Job.Size
	result Result
	cost   int   // places that it takes in the queue
	taken  int   // claims that a worker has taken
	left   int   // claims that are not verified yet; 0: Next may return it
	next   *slot // behind it in its list
	number int   // counts calls of Submit
	out    bool  // it was taken from the jobs that wait
}

func newSlot(item Job) *slot {
	s := &slot{only: item.Claim, claims: item.Claims, size: item.Size, left: item.claims(), result: Result{Value: item.Value}}
	s.cost = max(s.left, 1)
	if len(item.Claims) > 0 {
		s.result.Records = make([]*record.Record, len(item.Claims))
	}
	return s
}

// claims counts the signatures of the job.
func (i *Job) claims() int {
	if i.Claim != nil {
		return 1
	}
	return len(i.Claims)
}

func (s *slot) claim(i int) *record.Claim {
	if s.only != nil {
		return s.only
	}
	return s.claims[i]
}

// countClaims counts the signatures of the slot's job.
func (s *slot) countClaims() int {
	if s.only != nil {
		return 1
	}
	return len(s.claims)
}

// done stores the result of claim i.
func (s *slot) done(i int, verified *record.Record, err error) {
	s.left--
	switch {
	case s.only != nil:
		s.result.Record, s.result.Err = verified, err
	case err != nil:
		if s.result.Errs == nil {
			s.result.Errs = make([]error, len(s.claims))
		}
		s.result.Errs[i] = err
	default:
		s.result.Records[i] = verified
	}
}

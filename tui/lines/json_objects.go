package lines

import "chat.lan/p2pchat/vote"

// The objects of JSON mode. Scripts live on them: fields are added, never renamed. An unknown value
// leaves its field out.
type (
	jsonReady struct {
		Event       string `json:"event"`
		ID          string `json:"id"`
		Key         string `json:"key"`
		Name        string `json:"name"`
		Port        int    `json:"port"`
		Fingerprint string `json:"fingerprint"`
		Room        string `json:"room"`
		Profile     string `json:"profile,omitempty"`
	}
	jsonPeer struct {
		Event     string   `json:"event,omitempty"` // absent inside list
		State     string   `json:"state"`
		ID        string   `json:"id,omitempty"`
		Key       string   `json:"key,omitempty"`
		Name      string   `json:"name,omitempty"`
		Addr      string   `json:"addr,omitempty"`
		Kind      string   `json:"kind"`
		Encrypted bool     `json:"encrypted"`
		RTT       *float64 `json:"rtt_ms,omitempty"` // to the microsecond
		Verified  bool     `json:"verified,omitempty"`
		Ignored   bool     `json:"ignored,omitempty"`
		HeldBack  bool     `json:"held_back,omitempty"` // it gets only what /unsigned sends
		Was       string   `json:"was,omitempty"`       // the name before
	}
	jsonMessage struct {
		Event     string `json:"event"`
		ID        string `json:"id"`
		FromID    string `json:"from_id,omitempty"`
		FromName  string `json:"from_name,omitempty"`
		FromKey   string `json:"from_key,omitempty"`
		Content   string `json:"content"`
		Me        bool   `json:"me,omitempty"` // third person: /me
		Time      int64  `json:"time,omitempty"`
		Kind      string `json:"kind"`
		Signature string `json:"signature"`
		History   bool   `json:"history"`
		Via       string `json:"via,omitempty"`
	}
	jsonSent struct {
		Event   string `json:"event"`
		ID      string `json:"id"`
		Content string `json:"content"`
		Me      bool   `json:"me,omitempty"`
		Time    int64  `json:"time,omitempty"`
		Peers   int    `json:"peers"`
	}
	jsonDelivered struct {
		Event string `json:"event"`
		ID    string `json:"id"`
		Peers int    `json:"peers"`
		Of    int    `json:"of"`
		Not   int    `json:"not_kept,omitempty"` // peers of the others that don't keep it
	}
	jsonNotKept struct {
		Event     string      `json:"event,omitempty"` // absent inside status
		Via       string      `json:"via,omitempty"`   // id of the peer that handed them on; absent: their author did
		Messages  int         `json:"messages"`
		People    int         `json:"people"`
		More      bool        `json:"more,omitempty"` // more people than that
		Authors   []jsonVoter `json:"authors"`        // the first few
		Strangers bool        `json:"strangers,omitempty"`
		Deleted   bool        `json:"deleted,omitempty"` // they were kept for a while
	}
	jsonRefused struct {
		Event  string `json:"event"`
		From   string `json:"from,omitempty"`
		Reason string `json:"reason"`
		Count  int    `json:"count"`
	}
	jsonUnknown struct {
		Event    string `json:"event"`
		Kind     string `json:"kind,omitempty"`
		FromID   string `json:"from_id"`
		FromName string `json:"from_name,omitempty"`
	}
	jsonSaving struct {
		Event      string `json:"event"`
		Saved      bool   `json:"saved"`
		Reason     string `json:"reason,omitempty"` // why not
		Waiting    int    `json:"waiting,omitempty"`
		Lost       int    `json:"lost,omitempty"`
		Unreadable int    `json:"unreadable,omitempty"`
		Aside      string `json:"aside,omitempty"`
		Recovered  int    `json:"recovered,omitempty"`
	}
	jsonSync struct {
		Event   string `json:"event"`
		Have    int    `json:"have"`
		Missing int    `json:"missing"`
	}
	// jsonText is error and info.
	jsonText struct {
		Event string `json:"event"`
		Text  string `json:"text"`
		Hint  string `json:"hint,omitempty"`
		Level string `json:"level,omitempty"` // "warning", "alarm", or absent
	}
	jsonList struct {
		Event string     `json:"event"`
		Peers []jsonPeer `json:"peers"`
	}
	jsonStatus struct {
		Event       string          `json:"event"`
		ID          string          `json:"id"`
		Key         string          `json:"key"`
		Name        string          `json:"name"`
		Room        string          `json:"room"`
		Port        int             `json:"port"`
		Fingerprint string          `json:"fingerprint"`
		Profile     string          `json:"profile,omitempty"`
		Started     int64           `json:"started,omitempty"`
		Up          int64           `json:"up_ms"`
		Peers       int             `json:"peers"`
		Plain       int             `json:"plain"`
		Links       int             `json:"links"`
		Records     int             `json:"records"`
		Received    int             `json:"received"`
		In          int64           `json:"bytes_in"`
		Out         int64           `json:"bytes_out"`
		Dropped     map[string]int  `json:"dropped,omitempty"`
		Discovery   bool            `json:"discovery"`
		Interfaces  []jsonInterface `json:"interfaces,omitempty"`
		Trouble     string          `json:"trouble,omitempty"`
		Hint        string          `json:"hint,omitempty"`
		RoomBytes   int64           `json:"room_bytes"`
		RoomLimit   int64           `json:"room_limit,omitempty"`
		NotKept     []jsonNotKept   `json:"not_kept,omitempty"`
	}
	jsonInterface struct {
		Name    string `json:"name"`
		Addr    string `json:"addr,omitempty"`
		Skipped string `json:"skipped,omitempty"`
		Error   string `json:"error,omitempty"`
		Sent    int    `json:"sent"`
		Heard   int    `json:"heard"`
	}
	jsonVoter struct {
		ID     string `json:"id,omitempty"`
		Key    string `json:"key"`
		Name   string `json:"name,omitempty"`
		Choice string `json:"choice,omitempty"`
	}
	jsonProposal struct {
		Event   string      `json:"event,omitempty"` // absent inside proposals
		Number  int         `json:"number"`
		Label   string      `json:"label"`
		ID      string      `json:"id"`
		Slot    vote.Slot   `json:"slot"`
		Action  string      `json:"action"`
		Note    string      `json:"note,omitempty"`
		State   vote.Status `json:"state"`
		By      jsonVoter   `json:"by"`
		Yes     int         `json:"yes"`
		No      int         `json:"no"`
		Need    int         `json:"need"`
		Of      int         `json:"of"`
		Missing []jsonVoter `json:"missing"`
		LeftOut []jsonVoter `json:"left_out,omitempty"`
		Closes  int64       `json:"closes"`
		Mine    string      `json:"mine,omitempty"`
		CanVote bool        `json:"can_vote,omitempty"`
		Idle    bool        `json:"idle,omitempty"`
		History bool        `json:"history,omitempty"`
	}
	jsonBallot struct {
		Event   string    `json:"event"`
		Number  int       `json:"number"`
		Label   string    `json:"label"`
		ID      string    `json:"id"` // the proposal's
		By      jsonVoter `json:"by"`
		Choice  string    `json:"choice"`
		Twice   bool      `json:"twice,omitempty"`
		History bool      `json:"history,omitempty"`
	}
	jsonPolicy struct {
		Event  string      `json:"event,omitempty"`
		Slot   vote.Slot   `json:"slot"`
		Value  string      `json:"value"`
		Number int         `json:"number,omitempty"`
		Label  string      `json:"label,omitempty"`
		Signed []jsonVoter `json:"signed,omitempty"`
	}
	jsonProposals struct {
		Event     string         `json:"event"`
		Proposals []jsonProposal `json:"proposals"`
		Policy    []jsonPolicy   `json:"policy"`
	}
	jsonDiffers struct {
		Event string `json:"event"`
		Peer  string `json:"peer"`
		Value string `json:"value"`
		Label string `json:"label,omitempty"`
	}
	jsonGate struct {
		Event string `json:"event"`
		Open  bool   `json:"open"`
		Text  string `json:"text,omitempty"`
	}
)

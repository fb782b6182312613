// Package wire defines every message between peers: frames on native links, datagrams of discovery, and
// the JSON of the seed's programs. This comment is the specification. With package record (what a signed
// body contains) and package vote (how vote records count) it suffices to write a peer in any language.
//
// # Native links
//
// A link is a TCP connection with TLS 1.3 and nothing older. Both sides send one self-signed certificate
// with an Ed25519 key; names, dates and chains are ignored. Both offer the ALPN name "p2pchat/1" and the
// key exchanges X25519MLKEM768 and X25519, without session tickets. The certificate's key is the peer's
// identity. Each side refuses its own key, a key that it didn't expect, and small-order or non-canonical
// keys, under which anyone can sign. The first byte on the connection is 0x16, as TLS has it; a listener
// tells the protocols of its port apart by that byte.
//
// Inside TLS both sides send frames:
//
//	offset  size  content
//	0       4     length n of the payload, big-endian; 1 ≤ n ≤ 65536, any other value closes the link
//	4       n     payload: UTF-8, one JSON object with one key, the tag:  {"Ping":{"n":1,…}}
//
// The first frame each way is Hello, within 10 s of the handshake, which itself has 5 s. A side that
// refuses the peer sends Bye in place of its Hello. Receivers count and ignore unknown tags and unknown
// fields, so that versions can meet. Invalid UTF-8, or a payload that isn't one tagged object of its
// tag's form, closes the link.
//
//	tag        content
//	Hello      versions [1], id, name, started, inst, caps?, links?, near? ["16 hex digits"], port, agent,
//	           rooms [{room, frontier, sums?, policy?}]
//	Ping       n, stamp, frontier? {room: hash}
//	Pong       n, stamp
//	Heartbeat  "uuid"
//	Record     body, sig
//	Chat       from_id, from_name, content, timestamp, via?
//	Have       room, heads [{author, feed, seq}]
//	Frontier   room, hash, turn, feeds [{author, feed, seq, head, floor?}], votes? [{proposal, bits}], last, ask?, part?
//	Heads      room, feeds? [{author, feed, seq, head}], votes? [{proposal, bits}]
//	Outline    room, n, buckets?, authors? [author], blocks? [{author, block}], after_author?, after?
//	Sums       room, n, buckets?, authors?, blocks? [{author, blocks}], ends? [{author, block, feeds}], end?, rest?, less?
//	Want       room, n, frames, ranges [{author, feed, from, to}], votes? [{proposal, bits}], bodies?
//	Records    room, n, records [{body, sig}], stubs? [{author, feed, from?, seq, id}], fork?, end?
//	Peers      peers [{key, addrs ["host:port"]}]
//	Links      links? [{key}], add? [key], drop? [key]
//	Typing     room, on
//	Refused    room, authors [key], taken?, more?, for_ms
//	Bye        reason, peers? [{key, addrs}]
//
// A field with "?" may be absent. A frame about a room that the receiver isn't in is ignored.
//
// # Encodings
//
// Keys are 64 hex digits, rooms 32, feeds and instances 16, ids of records and proposals 64, all in lower
// case. The head of an id is its first 8 bytes as 16 hex digits. Binary values (sig, bits) are base64
// (RFC 4648 §4). Times are milliseconds since 1970 unless their field says otherwise. Sequence numbers
// are below 2⁵³. An id of a peer is the UUIDv8 that package identity derives from the key; a receiver
// derives it again and ignores a different claim.
//
// # Hello
//
// versions lists the protocol versions that the sender speaks; without a common one the link ends with
// Bye "version". name has at most 64 bytes and obeys the rules for names in records; an empty name is
// allowed. started is when the sender's run began, and inst is a random value of that run: the greater
// (started, inst) is the newer run. port is where the sender listens, 0 for nowhere. agent and inst have
// at most 64 bytes, and versions, caps and rooms at most 64 items each. Without a common room the link
// ends with Bye "room".
//
// links is how many links the sender has. A side that has as many as it can have still lets a peer in that says it has
// fewer than 2. It does so once in 10 s for each address, and ends another of its links with Bye "room". So a room of
// more peers than a side can have links stays one room. near asks for a link between two partitions of the room, and
// links is 0 then. near names the peers that the sender reaches, its neighbours and theirs, by the first 8 bytes of
// their keys, at most 1024.
// A receiver with no place left refuses if it is in the same partition: if it reaches one of them, or a
// neighbour of its own names the sender.
//
// caps names what the sender understands beyond the first version:
//
//	links2    Links with add and drop
//	ping2     Pings that leave out hashes
//	heads     Heads
//	stubs     the fields bodies, stubs and fork
//	refusal   Refused
//	feeds2    Outline, Sums, part, and the hash by sums in a Ping
//
// A form goes only to a peer that names its capability. A receiver ignores names that it doesn't know.
//
// For each room, frontier is the hash described below, and sums the hash by sums. policy holds secure_only, by
// (the id of the proposal that caused it) and votes (the hash of the sender's vote records). It changes nothing at
// the receiver, since only certificates do; it shows a person that two peers apply different votes.
//
// Two peers keep one link. If there are two, the one whose Hellos name the newer run stays, and the other
// ends with Bye "replaced". Within one run the link that the peer with the greater key dialled stays, and
// the other ends with "duplicate". So the peer with the smaller key waits 1.5 s before it dials. Before its first dial it
// waits up to 4 s more while other links come up one after the other.
//
// # Ping, Pong, Heartbeat
//
// Each side sends a Ping every 5 s, also on a busy link, and answers each Ping at once with a Pong of the
// same n and stamp. stamp is any number that is hard to guess, and means nothing to others. A
// peer is late after 10 s of silence and lost after 15 s; any byte counts. Heartbeat is the seed's
// message: peers accept it at any time and it says nothing more.
//
// The frontier of a Ping maps rooms to hashes; to a peer with "feeds2" these are hashes by sums. To a peer with "ping2" it
// leaves out those that are as the Ping before, or the Hello, said; the first Ping and every sixth from there on has all.
// Without "ping2" each Ping has all. A receiver takes a hash that is left out as said again.
//
// Records in transit make hashes differ for a moment. So a receiver compares in full, with a Frontier or by sums, only
// when two Pings in a row differ from its own hash. A pair of hashes that was compared is settled: it isn't compared
// again for 10 minutes. While comparisons bring nothing that the receiver keeps, they come at most once a minute.
//
// # Record, Have
//
// A Record is one signed record, sent live as soon as it exists. body is the text that was signed, byte
// for byte, and sig its 64-byte signature; package record says what is in it and how to verify it. A
// receiver passes a new live record on to those of its peers whose last Links doesn't name the author.
//
// Have acknowledges: every record of the feed up to seq has arrived, with none missing. A receiver sends
// it to the peer that a live record came from and to the record's author, at most every 50 ms and with at
// most 256 heads.
//
// # Frontier, Want, Records
//
// A Frontier says what its sender holds of a room. For each feed it names the last record without a gap
// below it: its seq and the head of its id. floor is the first seq that the sender can give, where that
// isn't 0; floor = seq+1 means none. For each proposal it has one bit per record, counted from the lowest
// bit of the first byte. With a roll of N voters, bit 2i is the approval of the voter at place i, bit 2i+1
// that voter's rejection, and bit 2N the author's cancellation.
//
// A Frontier comes in pages with the same turn: at most 200 proposals or 300 feeds each, those of votes
// first. last marks the turn's last page, and a page of another turn discards what came before. ask
// requests the receiver's Frontier in return. Receivers keep at most 100,000 feeds and 50,000 proposals.
//
// hash is 32 hex digits, two halves of 16. The first half is the beginning of SHA-256 over the feeds,
// sorted by author and feed: author (32 bytes), feed, seq and head (8 bytes each, big-endian). The second
// is the beginning of SHA-256 over "p2pchat/1/votes\x00" and all proposals in ascending order. Of each it
// covers the id (32 bytes), the number of bytes of its bits (2 bytes, big-endian) and the bits. Peers with
// equal hashes hold the same and send each other nothing.
//
// After its Hello a peer whose hash differs sends a Frontier. The receiver asks for what it lacks with
// Want: at most 256 ranges, from and to included, and at most 200 proposals with the bits that it already
// holds. No bits mean that it lacks the proposal itself. It asks one peer at a time for the same records.
// frames is how many Records frames it accepts in answer, at most 8. The answer's frames carry the same n,
// vote records first and then the ranges in order, and the last has end set. A frame holds records of at
// most 48 KiB together, or a single one. The answer omits what the sender doesn't hold, and the rest is asked for
// again. Vote records of one answer count together once its last frame has arrived.
//
// # Outline, Sums
//
// Above 300 feeds, peers with feeds2 compare by sums, so that a comparison costs by what differs. Package
// room defines the sums: a room's sum covers 256 buckets, a bucket its authors, an author its blocks, and a
// block the ends of its feeds. The hash by sums is 48 hex digits: the room's sum, and the half of the
// frontier hash that covers the votes.
//
// Each peer asks for what it needs with Outline, and keeps no state for the other's questions. An Outline
// that names nothing asks for the buckets' sums. One with buckets (a byte each) asks for the sums of their
// authors. One with authors asks for the sums of their blocks, and one with blocks for the ends of their feeds.
// It names at most 256 buckets, 256 authors or 64 blocks. The answer is one to four Sums with the same n, and each has
// at most 60,000 bytes in base64. Its last frame has end set, and also rest if more follows
// behind the last item. Then after_author, or after with the block or feed of the first author or block
// that is named, asks for the rest. An answer with rest alone comes from a busy peer, which is asked again a second
// later. The receiver asks for missing records with Want.
//
// Binary values are packed without anything between them. buckets in Sums has 256 sums of 16 bytes,
// authors has each key (32 bytes) with its sum, in ascending order, and blocks each number (4 bytes,
// big-endian) with its sum, in descending order. feeds has for each feed, in ascending order, its number (8
// bytes, big-endian), the first 16 bytes of the id of its last record, and seq and floor as unsigned LEB128.
// less says that the sender keeps something back from the receiver: blocks of which nothing is for the
// receiver are left out.
//
// A Frontier with part names some feeds only. It replaces earlier claims about these, and the Frontier in
// return names the same feeds. A part without feeds reports the sender's hash, by sums. A
// receiver with another hash then compares by sums at once.
//
// Two peers may differ for good, where one keeps something back or refuses it. So a pair of hashes that was
// compared isn't compared again for 10 minutes. While comparisons bring nothing, they come at most once a minute.
//
// # Equivocation
//
// A peer that finds another head at the same seq asks for up to 200 records below it. Two verified records
// with one author, feed and seq prove an equivocation. A peer passes both on as Record frames, and accepts
// no record of that feed from there on.
//
// # Refused
//
// A room has a limited size, and each peer decides for itself whose records it keeps (package standing). An author
// whose records a peer doesn't keep is refused. Refused tells that to a peer that sends or lists such records, or is the
// author itself, if its Hello.caps has "refusal". It replaces the Refused before, and holds for for_ms milliseconds,
// at most an hour. A sender with more than 1024 refused authors sets taken and names those that it takes: then all
// others are refused. A list of more than 900 comes in several frames, and all but the last have more set. Its first
// author is its sender, and next come those that the sender knows or has met. It names at most 100,000: a sender that
// takes more sends no list. A receiver drops a longer one, and one of which no frame came for a minute: a part isn't a
// list. It then ignores frames until one begins a list.
//
// While a refusal holds, its receiver sends the sender no records of refused authors unless asked. It also leaves them
// out of its Frontiers and Sums to the sender, and out of the hashes in its Pings and Frontiers to the sender. So two
// peers have equal hashes once all else is equal, though one of them refuses authors. An author's own program that gets
// a Refused shows it.
//
// # Stubs
//
// A program may keep only the ids of records whose kind it doesn't know (package room says when). In an
// answer it gives a stub for a run of them: from and seq are the first and last, at most 1,048,576 records,
// and without from it is seq alone. id is that of the record at seq. The frame also holds the record at
// seq+1, unless the sender lacks it. A receiver takes a stub only with that record, whose prev must be id,
// and only for records that it lacks. To a peer without the capability the answer ends before the stub.
//
// A stub proves that the author signed as many records, and the id of the last. It proves nothing about the
// others, nor that their kind is unknown: a liar could withhold messages with it. So a receiver asks each
// other peer for these records with a Want that has bodies set. Such an answer has no stubs. The receiver asks again
// for the records that come after the last of an answer. A record that comes later takes its place if it fits. If a
// stub ends there, its id must be the stub's. If the record before is held, its prev must be the id of that record.
//
// Where bodies are missing, two other pairs of records prove an equivocation. The first pair is a record and the next
// of its feed, whose prev isn't the id of the record before: the feed ends below both. The other pair is two
// records for one place with different prev: the feed ends below the place before. A peer passes such a proof on
// in two Records frames with n 0 and fork set, one record in each.
//
// # Heads
//
// Heads says how far its sender is with feeds and proposals that have just changed, in the form of a Frontier. An author
// can sign two records for one place and give each half of a room one of them. So a peer gathers what has changed for
// 250 ms, at most 64 feeds and 64 proposals, and says it to two peers chosen at random. It leaves out its own feeds and
// those of the receiver. A receiver with another head at the same seq searches as after a Frontier, and asks for vote
// records that it lacks. A receiver with less of a feed answers with its own end of it, after 250 ms, since the rest may
// be on its way. It takes at most 128 feeds and 64 proposals, and begins at most four searches a second for each peer.
//
// A peer that learns of two ballots of one voter about one proposal passes both on to its other peers as Record frames,
// four times a second at most.
//
// # Links, Peers
//
// Links names the live links of its sender. The first on a link names all of them in links. To a peer with "links2" the
// later ones name in add and drop what has changed since; they have no links. To others each names all, and replaces the
// Links before. In a full Links older versions also say rtt_ms. A receiver remembers at most 256 keys of a peer, and
// ignores others. A sender gathers changes: for a sixteenth of a second for each of its links, for 3 s at most, and for
// a second at most if a link has gone.
//
// Peers names peers that the sender is linked to, and where they listen: at most 50. It is a hint where to dial and
// proves no identity. It goes only to a peer whose Links doesn't name them. It is sent after the peer's first Links,
// after changes of Links have been sent, and each minute while that peer still lacks them. So a room whose peers find
// each other by themselves hears nearly none. A peer that names more than 3 links gets 2 of them at a time, chosen at
// random, since others tell it of more.
//
// # Typing, Chat, Bye
//
// Of Typing the latest counts.
//
// Chat is an unsigned message: one that the user chose not to sign, or that a line-mode guest of the
// sender wrote; then via is the sender's key. timestamp is in seconds. A receiver shows it, never stores
// it, and passes it on to its own guests alone.
//
// Bye is the last frame, and everything before it still counts. Its reason is "leaving" (the program quits),
// "duplicate", "replaced", "full" (128 links), "version", "room" or "signatures". A sender that had to make
// room for another peer says "room", and peers names at most 3 others that the receiver can dial. The receiver
// doesn't dial the sender for a minute. "signatures" goes to a peer that sent 100 records with bad signatures,
// or malformed ones, in 10 s. The number is halved for each peer at its address that was sent away in the last minute.
// The peer is let in again after a minute. After Bye a side ends its direction of the connection and reads to the end of
// the other's. A plain close would lose messages; package link says why.
//
// # The seed's programs over TCP
//
// These programs send JSON objects in cleartext, one key each and at most 64 KiB, back to back or with
// white space between, in any split over segments. Times are in seconds; octets are arrays of numbers
// from 0 to 255, or null.
//
//	Chat                  from_id, from_name, content, timestamp, signature?, public_key?
//	SignedChat            message, signature, public_key, signer_id, signer_name, timestamp
//	IdentityAnnouncement  peer_id, name, public_key
//	Heartbeat, Exit       "uuid"
//	Discovery             as in a beacon
//	UpgradeRequest, UpgradeVote, PartialSignature: votes of the newest program, which no one here can check
//
// A signature is Ed25519 over message ‖ ":" ‖ timestamp in decimal. It covers neither the name nor the id,
// and is made with a key of its own, never with the identity's. The oldest program reads once into 1024
// bytes: a sender writes one object per connection, in one write of at most 1024 bytes.
//
// # Beacons
//
// Beacons are UDP datagrams to port 9999, each one JSON object of at most 1200 bytes with one key:
//
//	Discovery  id, name, ip, port, v?, started?, inst?, key?, rooms?: this peer is here
//	Heartbeat  "uuid": the seed's, sent beside a Discovery
//	Goodbye    the fields of Discovery: this peer leaves
//
// The seed's programs send and read the first four fields and ignore the rest. ip is the sending socket's
// own address, and port the TCP port to dial. A sender with v ≥ 1 and a key speaks the native protocol
// there; rooms has the ids of its rooms, and is left out if the datagram would be too long. Nothing in a
// beacon is authenticated: it may cause a dial, and a Goodbye never ends a live link. Package discovery
// says when beacons are sent, and where.
package wire

package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"unicode/utf8"
)

// Errors of Decode. Each of them ends the link.
var (
	ErrUTF8     = errors.New("frame is not UTF-8")
	ErrNoTag    = errors.New("frame is not a JSON object with one key")
	ErrMismatch = errors.New("frame does not have the form of its tag")
)

// Message is one of the message types of this package. No other package can add one.
type Message interface{ tag() string }

// Unknown is a well-formed message with a tag that this version doesn't know. Receivers count and ignore it.
type Unknown struct{ Tag string }

func (u Unknown) tag() string { return u.Tag }

// forms maps each tag to the type that Decode fills in.
var forms = func() map[string]reflect.Type {
	m := map[string]reflect.Type{}
	for _, v := range []Message{
		Hello{}, Ping{}, Pong{}, Heartbeat(""), Record{}, Chat{}, Have{}, Frontier{}, Heads{}, Want{}, Records{},
		Peers{}, Links{}, Typing{}, Bye{}, Refused{}, Outline{}, Sums{},
	} {
		m[v.tag()] = reflect.TypeOf(v)
	}
	return m
}()

// Encode returns the frame of m: one object with m's tag as its only key.
func Encode(m Message) (Frame, error) {
	switch m := m.(type) {
	case Unknown:
		return nil, fmt.Errorf("wire: encode %.64q: not a tag of this version", m.Tag)
	case Ping:
		if len(m.Frontier) == 0 {
			return finishFrame(appendPing(make([]byte, headSize, headSize+64), m.tag(), Pong{N: m.N, Stamp: m.Stamp}))
		}
	case Pong:
		return finishFrame(appendPing(make([]byte, headSize, headSize+64), m.tag(), m))
	case Record:
		out := append(make([]byte, headSize, headSize+len(m.Body)*5/4+128), `{"Record":`...)
		if out, ok := appendRecord(out, m); ok {
			return finishFrame(append(out, '}'))
		}
	}
	out, err := appendTagged(make([]byte, headSize), m.tag(), m)
	if err != nil {
		return nil, err
	}
	return finishFrame(out)
}

// appendTagged appends {"tag":content} to out.
func appendTagged(out []byte, tag string, content any) ([]byte, error) {
	b := bytes.NewBuffer(out)
	fmt.Fprintf(b, `{"%s":`, tag)
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	if err := e.Encode(content); err != nil {
		return nil, fmt.Errorf("wire: encode %s: %w", tag, err)
	}
	b.Truncate(b.Len() - 1) // the encoder's newline
	b.WriteByte('}')
	return b.Bytes(), nil
}

// Decode reads a payload. For a tag that this version doesn't know it returns Unknown and no error. The
// result holds no reference to payload.
func Decode(payload []byte) (Message, error) {
	if !utf8.Valid(payload) {
		return nil, ErrUTF8
	}
	tag, content, err := split(payload)
	if err != nil {
		return nil, err
	}
	form, known := forms[tag]
	if !known {
		return Unknown{Tag: tag}, nil
	}
	switch tag {
	case (Record{}).tag():
		if r, ok := scanRecord(content); ok {
			return r, nil
		}
	case (Ping{}).tag():
		if p, ok := scanPing(content); ok {
			return Ping{N: p.N, Stamp: p.Stamp}, nil
		}
	case (Pong{}).tag():
		if p, ok := scanPing(content); ok {
			return p, nil
		}
	}
	// encoding/json accepts null for any type and leaves the value empty.
	if bytes.Equal(bytes.TrimSpace(content), []byte("null")) {
		return nil, fmt.Errorf("%w %s: null", ErrMismatch, tag)
	}
	v := reflect.New(form)
	if err := json.Unmarshal(content, v.Interface()); err != nil {
		return nil, fmt.Errorf("%w %s: %w", ErrMismatch, tag, err)
	}
	return v.Elem().Interface().(Message), nil
}

// split separates tag and content of {"tag":content}. It recognises what Encode writes without a second
// pass over the content, and reads any other form token by token.
func split(payload []byte) (tag string, content []byte, err error) {
	rest, opened := bytes.CutPrefix(payload, []byte(`{"`))
	name, rest, _ := bytes.Cut(rest, []byte(`":`))
	content, closed := bytes.CutSuffix(rest, []byte("}"))
	if _, known := forms[string(name)]; known && opened && closed {
		// A second key would leave its comma in content, and Unmarshal refuses it.
		return string(name), content, nil
	}
	// Not into a map, which would accept a second key that equals the first.
	d := json.NewDecoder(bytes.NewReader(payload))
	first, _ := d.Token() // nil after an error
	key, _ := d.Token()
	tag, named := key.(string)
	var value json.RawMessage
	err = d.Decode(&value)
	last, _ := d.Token()
	_, end := d.Token()
	if first != json.Delim('{') || !named || err != nil || last != json.Delim('}') || !errors.Is(end, io.EOF) {
		return "", nil, ErrNoTag
	}
	return tag, value, nil
}

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

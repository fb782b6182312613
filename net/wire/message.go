package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"unicode/utf8"
)

// Errors of Decode. Each closes the link.
var (
	ErrUTF8     = errors.New("frame is not UTF-8")
	ErrNoTag    = errors.New("frame is not a JSON object with one key")
	ErrMismatch = errors.New("frame does not have the form of its tag")
)

// Message is one of the forms of this package. The set is closed.
type Message interface{ tag() string }

// Unknown is a well-formed message whose tag this version doesn't know. It is counted and ignored.
type Unknown struct{ Tag string }

func (u Unknown) tag() string { return u.Tag }

// The tags and their forms. Decode makes a new value of the form's type.
var forms = func() map[string]reflect.Type {
	m := map[string]reflect.Type{}
	for _, v := range []Message{
		Hello{}, Ping{}, Pong{}, Heartbeat(""), Record{}, Chat{}, Have{}, Frontier{}, Want{}, Records{},
		Peers{}, Links{}, Typing{}, Bye{},
	} {
		m[v.tag()] = reflect.TypeOf(v)
	}
	return m
}()

// Encode makes the frame of m: one object whose only key is m's tag.
func Encode(m Message) (Frame, error) {
	var out bytes.Buffer
	fmt.Fprintf(&out, `{"%s":`, m.tag())
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(m); err != nil {
		return nil, fmt.Errorf("wire: encode %s: %w", m.tag(), err)
	}
	out.Truncate(out.Len() - 1) // the encoder's newline
	out.WriteByte('}')
	return frame(out.Bytes())
}

// Decode reads a payload. A tag that this version doesn't know gives Unknown and no error. The
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
	v := reflect.New(form)
	if err := json.Unmarshal(content, v.Interface()); err != nil {
		return nil, fmt.Errorf("%w %s: %w", ErrMismatch, tag, err)
	}
	return v.Elem().Interface().(Message), nil
}

// split parts {"tag":content}. What our own encoder writes is recognised without a second pass over
// the content; anything else goes the long way.
func split(payload []byte) (tag string, content []byte, err error) {
	if rest, ok := bytes.CutPrefix(payload, []byte(`{"`)); ok {
		if i := bytes.IndexByte(rest, '"'); i > 0 && i+1 < len(rest) && rest[i+1] == ':' && rest[len(rest)-1] == '}' {
			if _, known := forms[string(rest[:i])]; known {
				// A second key would leave its comma in content, and Unmarshal refuses it.
				return string(rest[:i]), rest[i+2 : len(rest)-1], nil
			}
		}
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(payload, &object); err != nil || len(object) != 1 {
		return "", nil, ErrNoTag
	}
	for tag, content = range object {
	}
	return tag, content, nil
}

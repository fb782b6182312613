package standing

import "container/heap"

// MakeSpace has keys give way until nothing is over, or until give reports false. give takes units away from the key
// that has to give way now. A key that can't give any is passed over until MakeSpace returns: what it uses doesn't
// count meanwhile, so that no other key gives way for it. It keeps its place among the others. To pass over a key costs
// O(log n).
func (b *Budget[K]) MakeSpace(give func(key K) (goOn bool)) {
	var passed []*user[K]
	for goOn := true; goOn; {
		var newcomer K
		key, over := b.Victim(newcomer)
		if !over {
			break
		}
		used := b.UsedBy(key)
		goOn = give(key)
		if u := b.users[key]; u != nil && u.used >= used && !u.aside {
			b.setAside(u)
			passed = append(passed, u)
		}
	}
	for _, u := range passed {
		if u.aside {
			b.takeBack(u)
		}
	}
}

// WouldGiveWay reports whether a key would have to give way if it used n units more, with this level and source. It
// changes nothing. newcomer is the key to blame, as for Victim.
func (b *Budget[K]) WouldGiveWay(key K, level Level, source Source, n int, newcomer K) bool {
	u := b.users[key]
	asked := &user[K]{key: key, level: level, used: n, joined: b.joined + 1}
	if u != nil {
		if asked.used, asked.joined = u.used+n, u.joined; source == (Source{}) {
			source = u.pool.source
		}
		b.setAside(u)
		defer func() {
			b.users[key] = u
			b.takeBack(u)
		}()
	}
	b.users[key] = asked
	b.enter(asked, source)
	victim, over := b.Victim(newcomer)
	b.leave(asked)
	delete(b.users, key)
	return over && victim == key
}

// setAside has a key not count until takeBack. Its pool stays, and with it the order of both.
func (b *Budget[K]) setAside(u *user[K]) {
	b.change(u, -u.used)
	heap.Remove(&u.pool.users, u.index)
	u.aside = true
	u.pool.aside++
}

// takeBack undoes setAside.
func (b *Budget[K]) takeBack(u *user[K]) {
	u.aside = false
	u.pool.aside--
	heap.Push(&u.pool.users, u)
	b.change(u, u.used)
}

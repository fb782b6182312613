package replica

// Gather begins a burst of messages, or ends it. During a burst, links collect live records and send them in pieces of
// 16 KiB. A burst to fifty peers then takes a third of the writes, and each peer wakes as much less often. No
// record waits longer than twice AckEvery, so a caller that is held up delays nothing by more.
func (r *Replica) Gather(on bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if on == r.mu.gathers {
		return
	}
	r.mu.gathers = on
	for _, p := range r.mu.linked {
		p.link.Gather(on)
	}
	if on {
		r.cfg.Host.ScheduleFlush()
	}
}

// releaseLocked sends what waits on links while no more comes.
func (r *Replica) releaseLocked() {
	if !r.mu.gathers {
		return
	}
	for _, p := range r.mu.linked {
		p.link.Release()
	}
	r.cfg.Host.ScheduleFlush()
}

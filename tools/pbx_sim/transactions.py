"""RFC 3261 17 as a peer needs it: client requests with retransmissions, and what answers a retransmitted request."""
import heapq
import itertools
import threading
import time

T1, T2, GIVE_UP = 0.5, 4.0, 32.0


class Timers:
    """One thread that calls things later; a call returns the next delay or None to stop."""

    def __init__(self):
        self._heap, self._order = [], itertools.count()
        self._condition = threading.Condition()
        self._stopped = False
        threading.Thread(target=self._run, daemon=True, name='timers').start()

    def after(self, delay, action):
        with self._condition:
            heapq.heappush(self._heap, (time.monotonic() + delay, next(self._order), action))
            self._condition.notify()

    def stop(self):
        with self._condition:
            self._stopped = True
            self._condition.notify()

    def _run(self):
        while True:
            with self._condition:
                while not self._stopped and (not self._heap or self._heap[0][0] > time.monotonic()):
                    self._condition.wait(self._heap[0][0] - time.monotonic() if self._heap else None)
                if self._stopped:
                    return
                _, _, action = heapq.heappop(self._heap)
            again = action()
            if again:
                self.after(again, action)


class ClientTransaction:
    """One request and its responses in order of arrival; waits for those that matter."""

    def __init__(self, request, send, timers, reliable):
        self.request, self._send = request, send
        self.responses = []
        self.superseded = False                # another request has taken its place: nobody has to wait here any more
        self._condition = threading.Condition()
        self._reliable = reliable
        self._interval, self._began = T1, time.monotonic()
        send(request.encode())
        if not reliable:
            timers.after(self._interval, self._retransmit)

    def _retransmit(self):
        invite = self.request.method == 'INVITE'
        if self.final or (invite and self.responses) or time.monotonic() - self._began > GIVE_UP:
            return None
        self._send(self.request.encode())
        self._interval = self._interval * 2 if invite else min(self._interval * 2, T2)
        return self._interval

    def receive(self, response):
        with self._condition:
            first_final = response.status >= 200 and not self.final
            self.responses.append(response)
            self._condition.notify_all()
        return first_final

    def supersede(self):
        with self._condition:
            self.superseded = True
            self._condition.notify_all()

    @property
    def final(self):
        return next((r for r in self.responses if r.status >= 200), None)

    def wait(self, predicate, timeout):
        """The first response that satisfies the predicate; None when time is up."""
        with self._condition:
            self._condition.wait_for(lambda: self.superseded or any(predicate(r) for r in self.responses), timeout)
            return next((r for r in self.responses if predicate(r)), None)

    def wait_final(self, timeout=GIVE_UP):
        return self.wait(lambda r: r.status >= 200, timeout)


class ServerTransaction:
    """Remembers the last response to a request, for retransmissions of it; repeats an INVITE's final until its ACK."""

    def __init__(self, request, send, timers, reliable):
        self.request, self._send, self._timers = request, send, timers
        self._reliable = reliable
        self.last = None
        self.acknowledged = threading.Event()
        self.requests_seen = 1

    def respond(self, response):
        self.last = response.encode()
        self._send(self.last)
        if self.request.method == 'INVITE' and response.status >= 200 and \
                (not self._reliable or response.status < 300):
            self._interval, self._began = T1, time.monotonic()
            self._timers.after(self._interval, self._repeat)

    def _repeat(self):
        if self.acknowledged.is_set() or time.monotonic() - self._began > GIVE_UP:
            return None
        self._send(self.last)
        self._interval = min(self._interval * 2, T2)
        return self._interval

    def retransmitted(self):
        self.requests_seen += 1
        if self.last:
            self._send(self.last)

#!/usr/bin/env python3
"""A day on one TLS connection (SIPconnect 16.2): sallyport-signaling runs on a clock that goes 300 times as fast (faketime),
so that all its timers, idle times and expiries pass as they would in 24 hours, within five minutes."""
import datetime
import re
import shutil
import signal
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
from cases import case, equal, main, require  # noqa: E402
from edge_fixture import running_edge  # noqa: E402
from faster import needs_faketime, patiently, run_faster  # noqa: E402
from lab import parties, pki, process  # noqa: E402

FASTER = 300
DAY = 24 * 3600
KEEP_ALIVE, REFRESH, EXPIRES = 120, 2_400, 3_600      # seconds of the daemon's time


class Habits(threading.Thread):
    """What a PBX does all day that nobody calls: a keep-alive every two minutes, a REGISTER before the old one expires."""

    def __init__(self, pbx):
        super().__init__(daemon=True)
        self.pbx, self.statuses, self.keep_alives = pbx, [], 0
        self._over = threading.Event()
        self.start()

    def run(self):
        refreshed = time.monotonic()
        while not self._over.wait(KEEP_ALIVE / FASTER) and not self.pbx.peer.transport.closed:
            self.pbx.peer.transport.send(b'\r\n\r\n')
            self.keep_alives += 1
            if time.monotonic() - refreshed >= REFRESH / FASTER:
                refreshed = time.monotonic()
                response = self.pbx.peer.register(expires=EXPIRES, bulk=True)
                self.statuses.append(response.status if response else None)

    def end(self):
        self._over.set()
        self.join()


def now_there(lab):
    """The daemon's time, as its latest log line has it."""
    stamp = re.findall(r'^ts=(\S+)Z ', lab.edge.daemons['signaling'].text(), re.M)[-1]
    return datetime.datetime.fromisoformat(stamp)


def reload(lab):
    """SIGHUP, and the daemon's time when it was done."""
    signaling = lab.edge.daemons['signaling']
    before = signaling.text().count('certificates reloaded')
    signaling._child.send_signal(signal.SIGHUP)
    process.wait_until(lambda: signaling.text().count('certificates reloaded') > before, 10, 'the certificates are reloaded')
    return now_there(lab)


def connections(lab):
    return lab.edge.scrape('signaling').get('sallyport_sip_connections_total', direction='accepted')


def sleep_until(moment, pbx):
    process.wait_until(lambda: time.monotonic() >= moment or pbx.peer.transport.closed, DAY, 'time passes', every=0.2)
    require(not pbx.peer.transport.closed, 'the connection was closed')


@case('24 hours of keep-alives and registrations on one TLS connection that the node never closes, through a new certificate and '
      'a new configuration; then it is called over it [SC-16.2-21]')
def _(lab):
    run_faster(lab, FASTER)
    pbx, core = patiently(lab.pbx, 'the PBX registers'), lab.core()
    equal(pbx.peer.register(expires=EXPIRES, bulk=True).status, 200, 'REGISTER')
    connection = pbx.peer.transport
    began, begun_there, accepted = time.monotonic(), reload(lab), connections(lab)
    habits = Habits(pbx)
    try:
        sleep_until(began + DAY / FASTER / 3, pbx)
        renewed = pki.Authority(lab.edge.run / 'pki').issue('renewed', names=[lab.edge.server_name])
        for new, old in zip(renewed, lab.edge._pem('edge')):
            shutil.copy(new, old)
        reload(lab)
        sleep_until(began + DAY / FASTER * 2 / 3, pbx)
        trunk = lab.edge.cli('get', 'trunk', 'acme-hq')
        changed = Path(lab.run_directory) / 'changed.yaml'
        changed.write_text(re.sub(r'^display_name:.*\n', '', trunk, flags=re.M) + '\ndisplay_name: "another name"\n')
        revision = lab.edge.status()['revision']
        lab.edge.cli('apply', '-f', str(changed))
        lab.edge.wait_status(lambda s: s['signaling']['revision'] == s['revision'] != revision, 'the new configuration', 60)
        sleep_until(began + DAY / FASTER + 1, pbx)
        passed = (reload(lab) - begun_there).total_seconds()
        require(passed >= DAY, f'only {passed / 3600:.1f} hours have passed there')
        require(habits.keep_alives > DAY / KEEP_ALIVE / 2, f'{habits.keep_alives} keep-alives')
        require(len(habits.statuses) >= DAY / REFRESH / 2 and set(habits.statuses) == {200}, f'refreshes: {habits.statuses}')
        patiently(lambda: parties.busy(core, pbx, lab.number_uri(lab.pbx_number), lab.core_number),
                  'a call reaches the PBX over its connection')
    finally:
        habits.end()      # a registration that nobody refreshes lasts for twelve seconds of ours
    require(pbx.peer.transport is connection and not connection.closed, 'the connection was closed')

    registered = lab.edge.daemons['signaling'].text().count('event=registration ')
    require(registered <= 2, f'{registered} registrations in the log: one is news, a refresh is not')
    equal(connections(lab), accepted, 'connections since the morning')


def fixture():
    needs_faketime()
    return running_edge('soak')


if __name__ == '__main__':
    sys.exit(main('soak', fixture))

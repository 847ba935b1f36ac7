#!/usr/bin/env python3
"""A media plane that is full of ordinary calls, of sessions or of UDP ports, carries a call for help all the same (SIPconnect 13):
what it keeps for those nobody else has."""
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
from cases import case, equal, main, require  # noqa: E402
from edge_fixture import CORE_NUMBER, PBX_NUMBER, running_edge  # noqa: E402
from emergency_trunk import HELP, provision_emergency_trunk  # noqa: E402
from lab import parties, process  # noqa: E402

SESSIONS, EMERGENCIES = 3, 2
PAIRS, KEPT_PAIRS = 16, 2                     # of the core port; one in eight is kept
LIMITS = f'limits: {{max_sessions: {SESSIONS}, emergency_sessions: {EMERGENCIES}}}\n'
FEW_PORTS = f'    udp_ports: 20000-{20000 + 2 * PAIRS - 1}\nlimits: {{emergency_sessions: 100}}\n'


def fill(lab, count):
    """So many ordinary calls, and one that finds no room."""
    pbx, core = lab.pbx(), lab.core()
    held = [parties.establish(pbx, core, lab.number_uri(CORE_NUMBER), PBX_NUMBER) for _ in range(count)]
    refused = pbx.peer.invite(lab.number_uri(CORE_NUMBER), pbx.offer(), caller=PBX_NUMBER)
    equal(refused.wait_final().status, 503, 'a call more than there is room for')
    return held


def call_for_help(lab):
    pbx, core = lab.pbx(), lab.core()
    return parties.establish(pbx, core, HELP, PBX_NUMBER)


def require_carried(lab, kept, held):
    talk = parties.talk(lab.pbx(), lab.core(), HELP, PBX_NUMBER, seconds=1)
    talk.require_intact()
    helped = [call_for_help(lab) for _ in range(kept)]
    process.wait_until(lambda: lab.edge.scrape('media').get('sallyport_media_emergency_sessions') == kept, 5, 'the sessions of calls for help')
    equal(lab.edge.scrape('media').get('sallyport_media_sessions'), kept + len(held), 'sessions')
    pbx = lab.pbx()
    equal(pbx.peer.invite(HELP, pbx.offer(), caller=PBX_NUMBER).wait_final().status, 503, 'more calls for help than there is room for')
    equal(pbx.peer.invite(lab.number_uri(CORE_NUMBER), pbx.offer(), caller=PBX_NUMBER).wait_final().status, 503, 'an ordinary call')
    for call, incoming in held[:1] + helped + held[1:]:
        equal(call.bye().status, 200, 'BYE')
        require(incoming.wait_ended(), 'the BYE came through')
    lab.require_no_leftovers()


@case('with all its media sessions taken by ordinary calls, a call for help has media, heard both ways, as often as is kept for them '
      '[SC-13-08]')
def _(lab):
    require_carried(lab, EMERGENCIES, fill(lab, SESSIONS))


@case('what is kept outlasts a restart of the media plane: its calls are there again, and a call for help has media')
def _(lab):
    held = fill(lab, SESSIONS)
    lab.edge.restart('media')
    process.wait_until(lambda: lab.edge.scrape('media').get('sallyport_media_sessions') == SESSIONS, 15, 'the calls are there again')
    require_carried(lab, EMERGENCIES, held)


@case('with all UDP ports taken that ordinary calls may have, a call for help has ports and media [SC-13-08]')
def _(lab):
    file = lab.edge.run / 'media.yaml'
    before = file.read_text()
    file.write_text(before.replace(LIMITS, FEW_PORTS))
    try:
        lab.edge.restart('media')
        held = fill(lab, PAIRS - KEPT_PAIRS)
        require_carried(lab, KEPT_PAIRS, held)
    finally:
        file.write_text(before)
        lab.edge.restart('media')


if __name__ == '__main__':
    sys.exit(main('emergency_media', lambda: running_edge('emergency_media', prepare=provision_emergency_trunk, options={'media': LIMITS})))

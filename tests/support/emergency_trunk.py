"""The PBX's trunk of the edge under test, with an emergency number and no limit of its own: what then refuses a call is the node."""
import tempfile

from edge_fixture import DOMAIN, PASSWORD, USER

HELP = f'sip:112@{DOMAIN}'
TRUNK = f'''kind: Trunk
name: trunks/{USER}
mode: registration
realm: access
registration_aor: sip:{USER}@{DOMAIN}
credentials: [{{username: {USER}, password: {PASSWORD}}}]
numbers: [{{first: "+4930555000", last: "+4930555099"}}]
limits: {{concurrent_calls: 0, calls_per_second: 0}}
numbering: {{dial_plan: {{emergency_numbers: ["112"]}}}}
'''


def provision_emergency_trunk(lab):
    with tempfile.NamedTemporaryFile('w', suffix='.yaml') as file:
        file.write(TRUNK)
        file.flush()
        lab.edge.apply(file.name)

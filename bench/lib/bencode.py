"""Bencode, the encoding of rtpengine's control protocol: integers, byte strings, lists and dictionaries. Text goes in
as UTF-8 and comes back as text, since the protocol's strings are words and SDP."""


class Malformed(RuntimeError):
    pass


def encode(value):
    if isinstance(value, bool):
        raise TypeError("bencode has no booleans")
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return b"%d:%s" % (len(value), value)
    if isinstance(value, (list, tuple)):
        return b"l" + b"".join(encode(each) for each in value) + b"e"
    if isinstance(value, dict):
        ordered = sorted((key.encode(), each) for key, each in value.items())
        return b"d" + b"".join(encode(key) + encode(each) for key, each in ordered) + b"e"
    raise TypeError(f"bencode has no {type(value).__name__}")


def decode(data):
    """The one value that these bytes are."""
    value, end = _value(data, 0)
    if end != len(data):
        raise Malformed(f"{len(data) - end} bytes follow the value")
    return value


def _value(data, at):
    kind = data[at:at + 1]
    if kind == b"i":
        end = _find(data, b"e", at)
        return _integer(data[at + 1:end]), end + 1
    if kind == b"l":
        return _items(data, at + 1)
    if kind == b"d":
        flat, end = _items(data, at + 1)
        if len(flat) % 2 or not all(isinstance(key, str) for key in flat[::2]):
            raise Malformed(f"no dictionary at byte {at}")
        return dict(zip(flat[::2], flat[1::2])), end
    colon = _find(data, b":", at)
    length = _integer(data[at:colon])
    text = data[colon + 1:colon + 1 + length]
    if length < 0 or len(text) < length:
        raise Malformed(f"the string at byte {at} is cut off")
    return text.decode(errors="replace"), colon + 1 + length


def _items(data, at):
    items = []
    while data[at:at + 1] != b"e":
        item, at = _value(data, at)
        items.append(item)
    return items, at + 1


def _find(data, mark, at):
    found = data.find(mark, at)
    if found < 0:
        raise Malformed(f"no {mark.decode()!r} after byte {at}")
    return found


def _integer(digits):
    try:
        return int(digits)
    except ValueError:
        raise Malformed(f"{digits!r} is no integer") from None

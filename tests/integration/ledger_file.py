# SPDX-License-Identifier: Apache-2.0
"""The plugin's ledger as a file: its records, and how to write what a crash would leave
of them. The layout is written down here a second time on purpose: if it changes by
accident, the tests notice."""

import dataclasses
import os
import struct
import zlib

NAME = "dovecot-inlay"
SIZE = 64
PREPARED, SAVED, VOID, GONE, UNCERTAIN = range(1, 6)  # states
# bits of due and acked
TOLD_INJECTED, TOLD_REINJECTED, TOLD_READ, TOLD_GONE = (1 << n for n in range(1, 5))
LAYOUT = struct.Struct(">4sBBBBBBBx16s16sIIq")


@dataclasses.dataclass
class Record:
    instance: str
    guid: str
    state: int = SAVED
    seen: int = 0
    cause: int = 0
    due: int = 0
    acked: int = 0
    again: int = 0
    named: int = 0
    uid_validity: int = 0
    uid: int = 0
    time: int = 1
    is_whole: bool = True

    @classmethod
    def of(cls, data):
        (magic, state, seen, cause, due, acked, again, named, instance, guid,
         uid_validity, uid, time) = LAYOUT.unpack(data[:60])
        whole = magic == b"INL1" and data[60:] == struct.pack(">I", zlib.crc32(data[:60]))
        return cls(instance.hex(), guid.hex(), state, seen, cause, due, acked, again,
                   named, uid_validity, uid, time, whole)

    def data(self):
        data = LAYOUT.pack(b"INL1", self.state, self.seen, self.cause, self.due,
                           self.acked, self.again, self.named,
                           bytes.fromhex(self.instance), bytes.fromhex(self.guid),
                           self.uid_validity, self.uid, self.time)
        return data + struct.pack(">I", zlib.crc32(data))

    def changed(self, **fields):
        return dataclasses.replace(self, **fields)

    def prepared(self, **fields):
        """As it was before the commit."""
        return self.changed(**{"state": PREPARED, "seen": 0, "cause": 0, "due": 0,
                               "acked": 0, "uid": 0, **fields})


def path(home):
    """Of the ledger somewhere below a user's home."""
    return next(os.path.join(folder, NAME) for folder, _, names in os.walk(home)
                if NAME in names)


def read(file):
    """Its records, without the places of those to come."""
    with open(file, "rb") as f:
        data = f.read()
    found = [data[i:i + SIZE] for i in range(0, len(data) - SIZE + 1, SIZE)]
    while found and not any(found[-1]):
        found.pop()
    return [Record.of(one) for one in found]


def last(file):
    """{instance: its last record}, which is the one that counts."""
    return {record.instance: record for record in read(file)}


def states(file):
    return {instance: record.state for instance, record in last(file).items()}


def write(file, records):
    """It has these records from now on, and no other."""
    with open(file, "wb") as f:
        f.write(b"".join(record.data() for record in records))


def append(file, record):
    """Behind the last one, as another process would."""
    at = len(read(file)) * SIZE
    with open(file, "r+b") as f:
        f.seek(at)
        f.write(record.data())


def damage(file, *numbers):
    """A byte of each of these records is another one."""
    with open(file, "r+b") as f:
        for number in numbers:
            f.seek(number * SIZE + 20)
            f.write(b"?")

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the example campaign: spring/ (a bundle's source) and users.csv.

Always writes the same files, byte by byte:
  spring/campaign.json, spring/templates/spring.json, spring/recipients.csv
  users.csv: the same users for `inlay user import`, all with consent to the
  newsletter but one, bob@example.org.
The design is in spring.html and spring.txt beside this script. All people, names and
addresses are made up; example.org belongs to nobody (RFC 2606).
"""
import csv
import hashlib
import json
import pathlib
import random
import unicodedata

HERE = pathlib.Path(__file__).resolve().parent
RECIPIENTS = 1000
DOMAIN = "example.org"

FIRST = """Amelia Noah Sofia Liam Emma Lukas Mia Finn Hannah Jonas Lena Paul Clara
Elias Greta Henry Ida Jakob Julia Karl Laura Leon Luise Marie Max Mila Nina Oskar
Rosa Samuel Tilda Theo Zoë Anton Astrid Björn Chloé Dario Elif Farid Giulia Hugo
Inès Jana Kaan Layla Marek Nadia Olu Priya Quentin René Sara Tomás Uma Viktor Wanda
Xavier Yara Zuzana Aisha Boris Carmen Dmitri Esther Felix Grace Hamid Irene Joan
Keiko Luca Maja Nils Oona Pavel Ruth Stefan Teresa Valentina""".split()
LAST = """Adler Becker Costa Dahl Eriksen Fischer García Hoffmann Ivanova Jansen
Keller Lindqvist Meyer Novák Okafor Petit Quist Rossi Schäfer Tanaka Ünal Vogel
Weber Yıldız Zimmermann Andersson Bianchi Clarke Dubois Evans Fontaine Greco Haas
Iversen Jónsdóttir Kowalski Larsen Moreau Nagy O'Neill Pereira Richter Silva Thomsen
Urban Varga Walsh Young Zeman Brandt""".split()

# points needed and what they buy, best first
OFFERS = [
    (4000, "100 GB of mail storage, free for a year"),
    (2500, "50 GB of mail storage, free for a year"),
    (1500, "Birchmail Plus at half price until autumn"),
    (700, "Five family addresses, free for six months"),
    (0, "A month of Birchmail Plus, on us"),
]

CAMPAIGN = {
    "id": "spring",
    "version": 1,
    "name": "Spring letter",
    "type": "newsletter",
    "legalClass": "own_marketing",
    "purpose": "newsletter",
    "label": {"text": "Ad"},
    "audience": {"from": "recipients"},
    # wide enough for a demonstration in any year
    "schedule": {"start": "2025-03-01T00:00:00Z", "end": "2099-06-01T00:00:00Z"},
    "priority": {"tier": 3, "weight": 100},
    "repeat": {"max": 1},
    "placement": {"position": "top"},
    "variants": [{"id": "a", "templates": {"en": "spring"}, "fallback": "en"}],
}


def ascii_name(name):
    """What a person would take as the local part of an address."""
    special = str.maketrans({"ı": "i", "ø": "o", "ß": "ss", "'": None})
    plain = unicodedata.normalize("NFKD", name.translate(special))
    return plain.encode("ascii", "ignore").decode("ascii").lower()


def offer_for(points):
    return next(text for least, text in OFFERS if points >= least)


def people():
    """RECIPIENTS different people, the first two for use in examples."""
    draw = random.Random(20260301)
    yield f"alice@{DOMAIN}", "Alice", 2480, "2011"
    yield f"bob@{DOMAIN}", "Bob", 1290, "2016"
    pairs = [(f, l) for f in FIRST for l in LAST]
    draw.shuffle(pairs)
    for first, last in pairs[:RECIPIENTS - 2]:
        points = 10 * int(draw.triangular(12, 620, 140))
        since = draw.choice(["", *map(str, range(2004, 2025))])
        address = f"{ascii_name(first)}.{ascii_name(last)}@{DOMAIN}"
        yield address, first, points, since


def code_of(user):
    return hashlib.sha256(("spring " + user).encode()).hexdigest()[:10]


def write_csv(path, rows):
    with open(path, "w", encoding="utf-8", newline="") as f:
        csv.writer(f, lineterminator="\n").writerows(rows)


def write_json(path, value):
    text = json.dumps(value, ensure_ascii=False, indent=1)
    path.write_text(text + "\n", encoding="utf-8")


def template():
    return {
        "from": {"name": "Birchmail", "address": f"letters@{DOMAIN}"},
        "replyTo": f"care@{DOMAIN}",
        "subject": "{{first_name}}, your {{points}} points are worth something "
                   "this spring",
        "preheader": "{{offer}}: one click, and it is yours.",
        "html": (HERE / "spring.html").read_text(encoding="utf-8"),
        "text": (HERE / "spring.txt").read_text(encoding="utf-8"),
        "headers": {"Content-Language": "en"},
    }


def main():
    spring = HERE / "spring"
    (spring / "templates").mkdir(parents=True, exist_ok=True)
    write_json(spring / "campaign.json", CAMPAIGN)
    write_json(spring / "templates" / "spring.json", template())
    recipients = [["user", "first_name", "points", "offer", "link", "member_since"]]
    users = [["user", "userId", "email", "consent.newsletter", "optOut"]]
    draw = random.Random(1)
    for n, (user, first, points, since) in enumerate(people()):
        recipients.append([user, first, f"{points:,}", offer_for(points),
                           f"https://www.{DOMAIN}/spring/{code_of(user)}", since])
        day, hour = draw.randint(1, 28), draw.randint(7, 21)
        month, minute = draw.randint(1, 12), draw.randint(0, 59)
        at = f"2024-{month:02}-{day:02}T{hour:02}:{minute:02}:00Z"
        if user == f"bob@{DOMAIN}":
            at = ""  # never agreed to the newsletter
        users.append([user, f"c{100001 + n}", user, at, ""])
    write_csv(spring / "recipients.csv", recipients)
    write_csv(HERE / "users.csv", users)


if __name__ == "__main__":
    main()

"""SHA-256 of every character's normalization among marks, by Python's unicodedata: beside the first is its Unicode version.

Run without arguments in this folder; it writes normalization.json. Needs Python 3 and nothing else.
"""
import hashlib
import json
import sys
import unicodedata

digests = {}
for form in ("NFC", "NFD", "NFKC", "NFKD"):
    digest = hashlib.sha256()
    for code in range(sys.maxunicode + 1):
        if not 0xD800 <= code <= 0xDFFF:
            c = chr(code)
            digest.update(unicodedata.normalize(form, f"a{c}\u0301\u0323{c}\u1161\u11a8e\u0327{c}{c}\u3099").encode())
    digests[form] = digest.hexdigest()
with open("normalization.json", "w", encoding="ascii") as file:
    json.dump(digests, file, indent=1)
    file.write("\n")

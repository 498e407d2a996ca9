"""The tables of Unicode normalization: what each character is decomposed into, and which marks come before which.

Run without arguments in this folder; it writes normalization.txt. Needs Python 3 and nothing else; Python's Unicode version is the tables'.
A line is a character, its combining class (0 left out), and its decomposition by one step; ~ before it where only NFKC and NFKD
take it, ! where NFC does not put it together again.
"""
import sys
import unicodedata

with open("normalization.txt", "w", encoding="ascii") as file:
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        order, parts = unicodedata.combining(character), unicodedata.decomposition(character).split()
        if order == 0 and not parts:
            continue
        mark = ""
        if parts and parts[0].startswith("<"):
            mark, parts = "~", parts[1:]
        elif parts and unicodedata.normalize("NFC", character) != character:
            mark = "!"
        file.write(f"{code:X},{order or ''},{mark}{' '.join(f'{int(part, 16):X}' for part in parts)}\n")

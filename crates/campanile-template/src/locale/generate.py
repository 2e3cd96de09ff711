#!/usr/bin/env python3
"""Writes locales.tsv and zones.tsv from Unicode CLDR (npm: cldr-core, cldr-dates-full, cldr-numbers-full 48).

    npm install cldr-core cldr-dates-full cldr-numbers-full && python3 generate.py node_modules

One line per locale: its tag, a tab, one JSON object. Only what `mod.rs` reads is kept.
"""

import json
import pathlib
import re
import sys

# templates.md T2.18; regional tags that CLDR does not tell apart from their language are left to the fallback.
TAGS = """af ar az be bg bn bs ca cs cy da de el en en-GB eo es es-419 et eu fa fi fr fr-CA gl he hi hr hu id is it ja ka
km kn ko lb lo lt lv mk ml mn mr ms nb ne nl nn no or pa pl pt rm ro ru sk sl sq sr sv sw ta te th tr tt ug uk ur uz vi wo
zh zh-Hant""".split()
STYLES = ("short", "medium", "long", "full")
PACKAGES = pathlib.Path(sys.argv[1])
HERE = pathlib.Path(__file__).parent


def read(path):
    return json.loads((PACKAGES / path).read_text())


def text(pattern):
    return pattern["_value"] if isinstance(pattern, dict) else pattern


def plain(pattern):
    # T2.16: an ordinary space before PM. `B` (in the morning, at noon) is only the default of zh-Hant, which
    # documents `a` as its equal.
    return text(pattern).replace("\u202f", " ").replace("B", "a")


def names(table, keys):
    return [text(table[key]) for key in keys]


DIGITS = read("cldr-core/supplemental/numberingSystems.json")["supplemental"]["numberingSystems"]
META = read("cldr-core/supplemental/metaZones.json")["supplemental"]["metaZones"]


def dates(tag):
    calendar = read(f"cldr-dates-full/main/{tag}/ca-gregorian.json")["main"][tag]["dates"]["calendars"]["gregorian"]
    months, days = calendar["months"]["format"], calendar["days"]["format"]
    day_keys = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
    periods = calendar["dayPeriods"]["format"]["abbreviated"]
    at = calendar.get("dateTimeFormats-atTime", calendar["dateTimeFormats"].get("dateTimeFormats-atTime"))["standard"]
    # A long date is joined by the "at" pattern, a short one by the ordinary one.
    joins = [calendar["dateTimeFormats"][style] for style in STYLES[:2]] + [at[style] for style in STYLES[2:]]
    return {
        "months": names(months["wide"], map(str, range(1, 13))),
        "mon": names(months["abbreviated"], map(str, range(1, 13))),
        "days": names(days["wide"], day_keys),
        "ampm": [plain(periods["am"]), plain(periods["pm"])],
        "era": calendar["eras"]["eraAbbr"]["1"],
        "date": [plain(calendar["dateFormats"][style]) for style in STYLES],
        "time": [plain(calendar["timeFormats"][style]) for style in STYLES],
        "join": [plain(join) for join in joins],
    }


def zones(tag, wanted):
    table = read(f"cldr-dates-full/main/{tag}/timeZoneNames.json")["main"][tag]["dates"]["timeZoneNames"]
    long, short = {}, {}
    metazones = table.get("metazone", {})
    for name in sorted(wanted):
        entry = metazones.get(name, {})
        for kind, found in (("long", long), ("short", short)):
            forms = entry.get(kind, {})
            pair = [forms.get("standard"), forms.get("daylight")]
            # In CLDR 48 `∅∅∅` marks a name that is deliberately absent.
            pair = [None if one == "∅∅∅" else one for one in pair]
            if any(pair):
                found[name] = pair
    zone = table.get("zone", {})
    utc = zone.get("Etc", {}).get("UTC", {})
    london = zone.get("Europe", {}).get("London", {})
    return {
        "gmt": table["gmtFormat"],
        "hours": table["hourFormat"],
        "utc": [utc.get("long", {}).get("standard"), utc.get("short", {}).get("standard")],
        "bst": [london.get("long", {}).get("daylight"), london.get("short", {}).get("daylight")],
        "zl": long,
        "zs": short,
    }


def numbers(tag):
    table = read(f"cldr-numbers-full/main/{tag}/numbers.json")["main"][tag]["numbers"]
    system = table["defaultNumberingSystem"]
    symbols = table[f"symbols-numberSystem-{system}"]
    currency = table[f"currencyFormats-numberSystem-{system}"]
    currencies = read(f"cldr-numbers-full/main/{tag}/currencies.json")["main"][tag]["numbers"]["currencies"]
    signs = {code: one["symbol"] for code, one in currencies.items() if one.get("symbol", code) != code}
    return {
        "digits": "" if system == "latn" else DIGITS[system]["_digits"],
        "decimal": symbols["decimal"],
        "group": symbols["group"],
        "minus": symbols["minusSign"],
        "mingroup": int(table["minimumGroupingDigits"]),
        "number": table[f"decimalFormats-numberSystem-{system}"]["standard"],
        "money": currency["standard"],
        # The pattern for signs that end in a letter, such as CHF.
        "moneyalpha": currency.get("standard-alphaNextToNumber", currency["standard"]),
        "signs": signs,
    }


def zone_lines():
    """`zone<TAB>metazone`: the one in use today."""
    lines = {}

    def walk(prefix, tree):
        for name, below in tree.items():
            path = f"{prefix}/{name}" if prefix else name
            if isinstance(below, list):
                current = [use["usesMetazone"] for use in below if "_to" not in use["usesMetazone"]]
                if current:
                    lines[path] = current[-1]["_mzone"]
            else:
                walk(path, below)

    walk("", META["metazoneInfo"]["timezone"])
    aliases = read("cldr-core/supplemental/aliases.json")["supplemental"]["metadata"]["alias"].get("zoneAlias", {})
    for alias, target in aliases.items():
        name = target.get("_replacement")
        if name in lines:
            lines.setdefault(alias, lines[name])
    # Names that CLDR keeps under an older spelling.
    for new, old in {
        "Asia/Kolkata": "Asia/Calcutta", "Asia/Kathmandu": "Asia/Katmandu", "Asia/Yangon": "Asia/Rangoon",
        "Asia/Ho_Chi_Minh": "Asia/Saigon", "Europe/Kyiv": "Europe/Kiev", "America/Nuuk": "America/Godthab",
        "America/Argentina/Buenos_Aires": "America/Buenos_Aires", "Atlantic/Faroe": "Atlantic/Faeroe",
        "America/Indiana/Indianapolis": "America/Indianapolis", "America/Kentucky/Louisville": "America/Louisville",
        "Pacific/Chuuk": "Pacific/Truk", "Pacific/Pohnpei": "Pacific/Ponape", "Africa/Asmara": "Africa/Asmera",
    }.items():
        if old in lines:
            lines[new] = lines[old]
    return lines


def main():
    by_zone = zone_lines()
    fractions = read("cldr-core/supplemental/currencyData.json")["supplemental"]["currencyData"]["fractions"]
    digits = {code: int(one["_digits"]) for code, one in fractions.items() if one["_digits"] != "2"}
    with open(HERE / "zones.tsv", "w") as out:
        for zone, name in sorted(by_zone.items()):
            print(zone, name, sep="\t", file=out)
    with open(HERE / "locales.tsv", "w") as out:
        print("*", json.dumps(digits, separators=(",", ":"), sort_keys=True), sep="\t", file=out)
        for tag in TAGS:
            fields = {**dates(tag), **numbers(tag), **zones(tag, set(by_zone.values()))}
            print(tag, json.dumps(fields, ensure_ascii=False, separators=(",", ":")), sep="\t", file=out)


if __name__ == "__main__":
    main()

"""`rnnlab claims`: a verdict on every claim."""

import argparse
from pathlib import Path

from rnnlab.files import replacing


def add(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    parser.description = (
        "Judge each of the survey's claims by its numbers, print the verdicts, and write CLAIMS.md with its picture. "
        "What takes seconds is measured now; what takes hours comes from recorded runs: those of the package, or your "
        "own in --out, where rnnlab figures --recompute writes them; the output says which."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="C1 … C18; all if none is given, and CLAIMS.md")
    parser.add_argument("--out", type=Path, default=Path("figures"), metavar="DIR", help="default: figures")


def run(arguments: argparse.Namespace) -> None:
    """Judge, print, and write the page if nothing was left out."""
    from rnnlab.claims import scoreboard
    from rnnlab.claims.claim import judge
    from rnnlab.claims.clause import SIGNS
    from rnnlab.claims.evidence import Evidence
    from rnnlab.claims.ledger import CLAIMS
    from rnnlab.claims.page import judged, text
    from rnnlab.gallery.publish import write
    from rnnlab.table import Table

    known = {claim.name: claim for claim in CLAIMS}
    unknown = [name for name in arguments.names if name not in known]
    if unknown:
        raise ValueError(f"a claim is one of {', '.join(known)}; got {unknown[0]!r}")
    evidence = Evidence(arguments.out)
    chosen = [judge(known[name], evidence) for name in arguments.names] or judged(evidence)
    for verdict in chosen:
        print(f"{verdict.claim.name:4} {verdict.claim.says}\n     {verdict.word}: {verdict.sentence}")
        if arguments.names:
            for one in verdict.parts:
                part, number, finding = one
                found = f"{number.text} {f'({number.interval})' if number.interval else ''}".strip() if number else ""
                measured = f"{part.unit} {found}; rule: {part.rule.says}" if found else ""
                print(f"     {SIGNS[one.standing]} {part.says}: {'; '.join(filter(None, (measured, finding.why)))}")
            print(f"     {verdict.claim.command}")
    for path in dict.fromkeys(evidence.own):
        print(f"judged by your own {path}, which differs from the recorded table: delete it to be judged by that one")
    if not arguments.names:
        arguments.out.mkdir(parents=True, exist_ok=True)
        with replacing(arguments.out / "CLAIMS.md") as file:
            file.write(text(chosen, evidence).encode())
        board = Table.parse(scoreboard.tally(chosen).text())
        write(arguments.out / "CLAIMS", board, scoreboard.draw(board), scoreboard.caption(board))
        print(f"wrote {arguments.out / 'CLAIMS.md'}, and CLAIMS.png with its table CLAIMS.csv")

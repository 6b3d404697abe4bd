"""The tables of `docs/models.md`: how good models are, and what they cost."""

from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.tables.cells import markdown, result, short, spread


def by_protocol(protocol: str) -> Callable[[], str]:
    """A row a model, the best first."""

    def table() -> str:
        found = result("models")["protocols"][protocol]
        rows = sorted(found["models"].items(), key=lambda one: -one[1]["ndcg_at_10"][0])
        head = (f"model ({found['users']} test users)", "NDCG@10", "over EASE", "p over EASE (Holm)")
        rest = ("R@10", "R@20", "MRR", "coverage", "s")
        return markdown((*head, *rest), (model_row(name, row) for name, row in rows))

    return table


def model_row(name: str, row: dict[str, Any]) -> Sequence[str]:
    over = spread(row["over"]["ease"]) if "ease" in row["over"] else ""
    figures = (short(row[one]) for one in ("recall_at_10", "recall_at_20", "mrr"))
    cost = short(row["coverage"], 3), f"{row['seconds']:.0f}"
    return (f"`{name}`", spread(row["ndcg_at_10"]), over, holm(row.get("against_ease")), *figures, *cost)


def holm(tested: dict[str, Any] | None) -> str:
    """A p-value against EASE, and for how many pairs of models it is corrected; empty where there is none."""
    if not tested or tested["model"] != "ease":
        return ""
    return f"{short(tested['holm_p'])} ({tested['pairs']} pairs)"


def cold_users() -> str:
    found = result("models")["protocols"]["cold_users"]["models"]
    known = list(next(iter(found.values()))["curve"])
    rows = sorted(found.items(), key=lambda one: -one[1]["curve"][known[-1]][0])
    head = ("likes known", *known)
    return markdown(head, ((f"`{name}`", *(spread(row["curve"][one]) for one in known)) for name, row in rows))


def shilling() -> str:
    """A row an attack, a model's lift without the cap, with it, and by aged accounts."""
    found = result("shilling")["models"]
    kinds = {"off": "", "on": ", capped", "aged": ", aged"}
    head = ("attack", *(f"`{name}`{words}" for name in found for words in kinds.values()))
    attacks = next(iter(found.values()))["lift"]
    cells = {
        attack: [row["lift"].get(attack, {}).get(kind, {}).get("mean") for row in found.values() for kind in kinds]
        for attack in attacks
    }
    return markdown(
        head, ((name, *("" if one is None else f"{one:.2f}" for one in row)) for name, row in cells.items())
    )


def gowalla() -> str:
    found = result("gowalla")
    rows = sorted(found["models"], key=lambda row: -row["test"]["recall@20"])
    head = ("model", "recall@20", "NDCG@20", "fit, CPU s", "fit, wall s", "memory, MB")
    return markdown(head, (gowalla_row(row) for row in rows))


def gowalla_row(row: dict[str, Any]) -> Sequence[str]:
    fit, test = row["fit"], row["test"]
    figures = f"{fit['cpuSeconds']:.0f}", f"{fit['wallSeconds']:.0f}", f"{row['peakMegabytes']:,}"
    return (f"`{row['model']}`", short(test["recall@20"]), short(test["ndcg@20"]), *figures)


def dials() -> str:
    head = ("dial", "at", "NDCG@10", "difference", "genres apart", "novelty, bits", "calibration error", "coverage")
    return markdown(head, (dial_row(row) for row in result("diversity")["rows"]))


def dial_row(row: dict[str, Any]) -> Sequence[str]:
    difference = spread([row["difference"], row["low"], row["high"]]) if row["value"] else ""
    beside = short(row["genre_distance"], 3), f"{row['novelty_bits']:.2f}", short(row["calibration_error"], 3)
    return (row["dial"], f"{row['value']:g}", short(row["ndcg_at_10"]), difference, *beside, short(row["coverage"], 3))


def bubble() -> str:
    rows = result("bubble")["settings"].items()
    head = ("", "genre entropy, bits", "from the long tail", "liked of those watched")
    return markdown(
        head,
        ((name, *map(first_to_last, (row["genre_entropy"], row["long_tail"], row["liked"]))) for name, row in rows),
    )


def first_to_last(values: Sequence[float]) -> str:
    """The first round and the last."""
    return f"{short(values[0], 2)} → {short(values[-1], 2)}"


def preferences() -> str:
    """A row for what is stated at each strength, by what it stands beside."""
    found = result("preferences")
    head = (
        "beside",
        "stated",
        "strength",
        f"NDCG@10 ({found['users']} users)",
        "over that",
        "in each half of the users",
    )
    return markdown(head, (preferences_row(row) for row in found["rows"]))


def preferences_row(row: dict[str, Any]) -> Sequence[str]:
    beside = f"`{row['model']}`" + (f", {row['known']} likes known" if row["known"] else "")
    if not row["stated"]:
        return (beside, "nothing", "", spread(row["ndcg_at_10"]), "", "")
    halves = ", ".join(map(short, row["halves"]))
    return (beside, row["stated"], f"{row['strength']:g}", spread(row["ndcg_at_10"]), spread(row["over"]), halves)


def speed() -> str:
    head = ("movies", "model", "slate p50, ms", "p99", "p99 of all", "fold-in p50, ms", "p99", "memory, MB", "fit, s")
    return markdown(head, (speed_row(row) for row in result("speed")["rows"]))


def speed_row(row: dict[str, Any]) -> Sequence[str]:
    slate, fold_in = row["slate"], row["fold_in"]
    times = (slate["wall_p50_ms"], slate["wall_p99_ms"], slate["wall_p99_of_all_ms"])
    folded = (fold_in["wall_p50_ms"], fold_in["wall_p99_ms"])
    figures = (f"{one:.1f}" for one in (*times, *folded))
    return (f"{row['movies']:,}", f"`{row['model']}`", *figures, f"{row['memory_mb']:,.0f}", f"{row['fit_s']:.0f}")


def large() -> str:
    rows = (row for row in result("large_catalogue")["models"] if "heldOut" in row)
    head = ("model", "recall@20", "NDCG@20", "fit, CPU s", "memory, MB", "a score, ms")
    return markdown(head, (large_row(row) for row in rows))


def large_row(row: dict[str, Any]) -> Sequence[str]:
    held = row["heldOut"]
    figures = f"{row['fit']['cpuSeconds']:.0f}", f"{row['peakMegabytes']:,}", f"{row['scoreMilliseconds']:.2f}"
    return (f"`{row['model']}`", short(held["recall@20"]), short(held["ndcg@20"]), *figures)


def scale() -> str:
    """A row a stage, then a row a model of the stage that trains."""
    found = result("scale")
    head = ("stage", "wall s", "own CPU s", "memory, MB", "NDCG@10", "recall@20")
    return markdown(head, (scale_row(row) for row in (*found["stages"], *found["models"])))


def scale_row(row: dict[str, Any]) -> Sequence[str]:
    spent = f"{row['wallSeconds']:,.0f}", f"{row['ownCpuSeconds']:,.0f}", f"{row['peakMegabytes']:,}"
    if "stage" in row:
        return (row["stage"], *spent, "", "")
    return (f"`{row['model']}`", *spent, spread(row["ndcg_at_10"]), short(row["recall_at_20"]))


def neighbours() -> str:
    """A row for each model and number of neighbours, by data."""
    head = (
        "users, movies, likes",
        "model",
        "neighbours",
        "s an epoch",
        "ms a step",
        "memory, MB",
        "recall@20",
        "NDCG@20",
    )
    return markdown(head, (neighbours_row(row) for row in result("neighbours")["rows"]))


def neighbours_row(row: dict[str, Any]) -> Sequence[str]:
    size = ", ".join(f"{count:,}" for count in (*row["shape"][:2], row["likes"]))
    cost = f"{row['secondsAnEpoch']:.0f}", f"{row['stepMilliseconds']:,}", f"{row['peakMegabytes']:,}"
    quality = (short(row[metric]) if metric in row else "" for metric in ("recall@20", "ndcg@20"))
    return (size, f"`{row['model']}`", f"{row['neighbours'] or 'all'}", *cost, *quality)


def candidates() -> str:
    """A row a source; the sample's recall@200 stands last."""
    found = result("candidates")["data"]
    shallow, deep = (found["graph"]["depths"][depth] for depth in ("200", "1000"))
    sample = found["sample"]["depths"]["200"]
    head = (
        "source",
        f"recall@200 ({found['graph']['users']} users)",
        "beyond the model",
        "recall@1000",
        "beyond the model",
        "candidates",
        f"sample: recall@200 ({found['sample']['users']} users)",
    )
    rows = ((name, shallow[name], deep[name], sample[name]) for name in shallow)
    return markdown(head, (candidates_row(*row) for row in rows))


def candidates_row(name: str, shallow: dict[str, Any], deep: dict[str, Any], sample: dict[str, Any]) -> Sequence[str]:
    figures = (spread(shallow["recall"]), short(shallow["beyond"][0]), spread(deep["recall"]), short(deep["beyond"][0]))
    return (f"`{name}`", *figures, f"{deep['candidates']:,.0f}", short(sample["recall"][0]))


def first_questions(data: str) -> Callable[[], str]:
    """A row for each way to ask, the best after ten answers first."""

    def table() -> str:
        found = result("first_questions")["data"][data]
        rows = sorted(found["ways"].items(), key=lambda one: -one[1]["10"]["ndcg_at_10"][0])
        head = (f"asked ({found['users']} users)", "3 answers", "5 answers", "10 answers", "over the most rated")
        return markdown((*head, "questions for 10", "12 questions"), (asked_row(name, row) for name, row in rows))

    return table


def asked_row(name: str, row: dict[str, Any]) -> Sequence[str]:
    means = (short(row[kind]["ndcg_at_10"][0]) for kind in ("3", "5", "10"))
    over = "" if name == "most rated" else spread(row["10"]["over"])
    return (name, *means, over, f"{row['10 asked']:.0f}", short(row["12 questions"]["ndcg_at_10"][0]))


def gpu() -> str:
    """A row a run on a GPU, with the best of the epochs that were asked."""
    head = ("model", "data", "precision", "epochs", "s an epoch", "recall@20", "NDCG@20", "memory, MB")
    return markdown(head, (gpu_row(row) for row in result("gpu")["runs"]))


def gpu_row(row: dict[str, Any]) -> Sequence[str]:
    best = max(row["curve"], key=lambda one: one["recall@20"])
    named = f"`{row['model']}`, as in the paper" if row["config"].get("loss") == "bpr" else f"`{row['model']}`"
    quality = (short(best[metric]) for metric in ("recall@20", "ndcg@20"))
    epochs = f"{best['epoch']} of {row['curve'][-1]['epoch']}"
    data, precision = f"{row['data']}, {row['likes']:,} likes", row["config"]["precision"]
    return (named, data, precision, epochs, f"{row['secondsAnEpoch']:.2f}", *quality, f"{row['gpuMegabytes']:,}")


def calibration() -> str:
    rows = result("calibration")["rows"]
    head = ("model", f"error of `match` ({rows[0]['ratings']:,} ratings)", "error of bare scores", "AUC")
    return markdown(head, (calibration_row(row) for row in rows))


def calibration_row(row: dict[str, Any]) -> Sequence[str]:
    error = row.get("error", row["popularity_error"])
    return (
        f"`{row['model']}`",
        short(error),
        *(short(row[name]) if name in row else "" for name in ("raw_error", "auc")),
    )


def context() -> str:
    found = result("context")
    rows = (
        (f"{row['away']:g}", spread(row["ndcg_at_10"]), spread(row["over"]) if row["away"] < 1 else "")
        for row in found["rows"]
    )
    return markdown(("counts elsewhere", f"NDCG@10 ({found['users']} users)", "over popularity alone"), rows)


def incremental() -> str:
    """A row a model and data set, all nights together."""
    found = result("incremental")["data"]
    head = ("data", "model", "in full", "stale, less that", "incremental, less that", "fit in full, s", "increment, s")
    rows = ((data, name, row) for data, models in found.items() for name, row in models.items())
    return markdown(head, (incremental_row(*one) for one in rows))


def incremental_row(data: str, name: str, row: dict[str, Any]) -> Sequence[str]:
    together = row["together"]
    less = (spread(together[kind]["over_full"]) for kind in ("stale", "incremental"))
    seconds = (f"{row[kind]:.1f}" for kind in ("full_s", "incremental_s"))
    asked = f"{data} ({together['asked']:,} asked)"
    named = f"`{name}`, as in the paper" if row["config"].get("loss") == "bpr" else f"`{name}`"
    return (asked, named, short(together["full"]["ndcg_at_10"]), *less, *seconds)


def folding() -> str:
    """A row a model: what it reaches for users it was trained with, and for the same ones folded in."""
    found = result("folding")
    head = (f"model ({found['users']} users)", "NDCG@10, trained with them", "folded in", "less that")
    rows = (
        (f"`{name}`", short(row["trained"]), short(row["folded"]), spread(row["difference"]))
        for name, row in found["models"].items()
    )
    return markdown(head, rows)

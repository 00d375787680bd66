"""What a day cost, from the ledger alone; and how far the ledger is from the twin's truth."""
import csv
import datetime
import sqlite3

PEAK_PRICE_PER_KW = 0.4     # of config/sites/training-hall.cfg
CARBON_PRICE_PER_T = 80
CAPACITY_WH = 2e6

ACCOUNTS = """
SELECT sum(import_wh), sum(pv_wh + wind_wh), sum(cost), sum(carbon_g), max(import_wh) * 4,
       sum(green_wh), sum(facility_wh), sum(it_wh), sum(cooling_wh), sum(distribution_wh),
       sum(auxiliary_wh), sum(discharge_wh), avg(price_per_mwh), avg(carbon_g_per_kwh), count(*)
FROM account_15min WHERE start_ms >= ? AND start_ms < ?"""
ACCOUNT_NAMES = ["import_wh", "onsite_wh", "cost", "carbon_g", "peak_w", "green_wh", "facility_wh",
                 "it_wh", "cooling_wh", "distribution_wh", "auxiliary_wh", "discharge_wh",
                 "price_per_mwh", "carbon_g_per_kwh", "quarters"]
SOC = """
SELECT s.value FROM sample AS s JOIN point AS p USING (point_id) JOIN device AS d USING (device_id)
WHERE d.role = 'battery' AND p.kind = 'soc_pct' AND s.quality = 0 AND s.at_ms {} ?
ORDER BY s.at_ms {} LIMIT 1"""
JOBS = """
SELECT count(*), sum(state = 'completed'),
       sum(deadline_ms IS NOT NULL AND (ended_ms IS NULL OR ended_ms > deadline_ms)),
       sum(suspensions), sum(power_w * ran_ms / 3.6e6) FROM job"""


def milliseconds(moment):
    return int(moment.timestamp() * 1000)


def first(connection, query, *parameters):
    row = connection.execute(query, parameters).fetchone()
    return row[0] if row else None


def read_day(database, day):
    """The day's figures as a dictionary."""
    start, end = milliseconds(day), milliseconds(day + datetime.timedelta(days=1))
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        figures = dict(zip(ACCOUNT_NAMES, connection.execute(ACCOUNTS, (start, end)).fetchone()))
        figures["soc_start"] = first(connection, SOC.format(">=", ""), start)
        figures["soc_end"] = first(connection, SOC.format("<", "DESC"), end)
        figures["jobs"], figures["completed"], figures["missed"], figures["suspensions"], \
            figures["job_wh"] = connection.execute(JOBS).fetchone()
        figures["pue"], figures["category"], figures["coverage"] = connection.execute(
            "SELECT value, category, coverage_pct FROM pue WHERE period = 'day' AND start_ms = ?",
            (start,)).fetchone() or (None, None, None)
    finally:
        connection.close()
    return figures


def read_truth(path, day):
    """True energies of the day in Wh, from the twin's cumulative record."""
    start, end = day, day + datetime.timedelta(days=1)
    rows = {}
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            moment = datetime.datetime.fromisoformat(row["time_utc"].replace("Z", "+00:00"))
            if moment <= start:
                rows["start"] = row
            if moment <= end:
                rows["end"] = row
    return {name: float(rows["end"][name]) - float(rows["start"][name])
            for name in rows["end"] if name != "time_utc"}


def show(value, pattern):
    return "unknown" if value is None else pattern.format(value)


def scaled(value, factor):
    return None if value is None else value * factor


def stored_cost(figures):
    """Worth of the change of stored energy at the day's mean price: what is left in the battery
    is not a loss, what was taken out of it not a gain."""
    if None in (figures["soc_end"], figures["soc_start"], figures["price_per_mwh"]):
        return None
    change_mwh = (figures["soc_end"] - figures["soc_start"]) / 100 * CAPACITY_WH / 1e6
    return -change_mwh * figures["price_per_mwh"]


def stored_carbon(figures):
    if None in (figures["soc_end"], figures["soc_start"], figures["carbon_g_per_kwh"]):
        return None
    change_kwh = (figures["soc_end"] - figures["soc_start"]) / 100 * CAPACITY_WH / 1e3
    return -change_kwh * figures["carbon_g_per_kwh"] / 1000


def total_cost(figures):
    stored = stored_cost(figures)
    if None in (figures["cost"], figures["peak_w"], stored):
        return None
    return figures["cost"] + figures["peak_w"] / 1e3 * PEAK_PRICE_PER_KW + stored


def total_carbon(figures):
    stored = stored_carbon(figures)
    return None if None in (figures["carbon_g"], stored) else figures["carbon_g"] / 1e3 + stored


def ratio(above, below):
    return None if above is None or not below else above / below


ROWS = [
    ("energy from the grid", "MWh", "{:.2f}", lambda f: scaled(f["import_wh"], 1e-6)),
    ("facility energy", "MWh", "{:.2f}", lambda f: scaled(f["facility_wh"], 1e-6)),
    ("energy cost", "EUR", "{:.0f}", lambda f: f["cost"]),
    ("peak (quarter hour)", "kW", "{:.0f}", lambda f: scaled(f["peak_w"], 1e-3)),
    ("cost incl. peak and storage", "EUR", "{:.0f}", total_cost),
    ("carbon incl. storage", "kg", "{:.0f}", total_carbon),
    ("on-site green energy used", "MWh", "{:.2f}", lambda f: scaled(f["green_wh"], 1e-6)),
    ("green share of facility", "%", "{:.1f}",
     lambda f: scaled(ratio(f["green_wh"], f["facility_wh"]), 100)),
    ("PUE", "", "{:.3f}", lambda f: f["pue"]),
    ("  category / coverage", "", "{}", lambda f: None if f["pue"] is None else
     f"{f['category']} / {f['coverage']:.1f} %"),
    ("cooling", "MWh", "{:.2f}", lambda f: scaled(f["cooling_wh"], 1e-6)),
    ("distribution", "MWh", "{:.2f}", lambda f: scaled(f["distribution_wh"], 1e-6)),
    ("auxiliary", "MWh", "{:.2f}", lambda f: scaled(f["auxiliary_wh"], 1e-6)),
    ("jobs done", "", "{}", lambda f: f"{f['completed']} of {f['jobs']}"),
    ("deadlines missed", "", "{}", lambda f: f["missed"]),
    ("job energy", "MWh", "{:.2f}", lambda f: scaled(f["job_wh"], 1e-6)),
    ("suspensions", "", "{}", lambda f: f["suspensions"]),
    ("battery cycles", "", "{:.2f}", lambda f: scaled(f["discharge_wh"], 1 / CAPACITY_WH)),
    ("battery charge start > end", "%", "{}", lambda f: None if f["soc_end"] is None else
     f"{f['soc_start']:.0f} > {f['soc_end']:.0f}"),
]


def change(before, after):
    if not isinstance(before, (int, float)) or not isinstance(after, (int, float)) or not before:
        return ""
    return f"{(after / before - 1) * 100:+.1f} %"


def side_by_side(without, controlled, day):
    """The two days as one table, with where to look further."""
    left, right = read_day(without.database, day), read_day(controlled.database, day)
    lines = [f"{'':30}{'without':>14}{'with control':>14}{'change':>10}"]
    for name, unit, pattern, read in ROWS:
        before, after = read(left), read(right)
        label = f"{name} [{unit}]" if unit else name
        lines.append(f"{label:30}{show(before, pattern):>14}{show(after, pattern):>14}"
                     f"{change(before, after):>10}")
    truth = read_truth(controlled.truth, day)
    true_pue = truth["facility"] / truth["it"]
    lines += ["", f"PUE by the twin's own record, controlled day: {true_pue:.4f} "
              f"(ledger {show(right['pue'], '{:.4f}')})", "",
              f"The ledger of the controlled day: {controlled.database}",
              "PUE from its counters, recomputed by the stock shell:",
              f"  sqlite3 {controlled.database} \"SELECT * FROM v_pue_day\""]
    return "\n".join(lines)

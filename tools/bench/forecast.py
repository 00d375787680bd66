#!/usr/bin/python3
"""How good the controller's forecasts are on measured series, July to December 2021, beside what
others made of the same issues and hours.

  forecast.py BUILD

Runs `tidewatt forecast --evaluate` over each region and each price zone, two at a time. Needs the
measured series (TIDEWATT_DATA, else ../shared/data beside the checkout).
"""
import concurrent.futures
import json
import math
import os
import pathlib
import subprocess
import sys

import series

REGIONS = {"ES": ("40.4", "-3.7"), "NL": ("52.2", "5.3"), "CISO": ("36.5", "-119.5")}
PRICES = ("FR", "BE")
# As published; the peer's own figures here are computed from its forecasts and agree with them.
PUBLISHED_MAPE = {"ES": (12.98, 20.87), "NL": (5.54, 8.56), "CISO": (7.51, 18.17)}
# The peer's forecasts of generation, MAE as % of the maximum, day 1, as published.
TIER_1 = {("CISO", "wind_w"): 7.16, ("CISO", "pv_w"): 4.12}
IMPROVEMENT = 10  # %, on average over regions
COVERAGE = (78, 82)  # %
CARBON, PRICE = "carbon_g_per_kwh", "price_per_mwh"


def evaluate(build, *options):
    command = [build / "tools/tidewatt", "forecast", "--evaluate", "--json", *options]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.stderr.strip()}")
    return json.loads(done.stdout)["series"]


def region(build, data, name):
    latitude, longitude = REGIONS[name]
    return evaluate(build, "--grid", data / f"grid/{name}.csv",
                    "--weather", data / f"weather/{name}.csv",
                    "--peer", data / f"grid/{name}_peer_carboncast.csv",
                    "--latitude", latitude, "--longitude", longitude)


def price(build, data, name):
    return evaluate(build, "--price", data / f"price/{name}.csv", "--from", "2016-01-01",
                    "--to", "2017-01-01")


def beside(figure, value, other, text, digits=2):
    """A row that compares and has no limit."""
    print(f"{figure:40}  {value:>12.{digits}f}  {f'{text} {other:.{digits}f}':26}  "
          f"{value / other:.4f}")


def below(figure, value, bound, text=""):
    series.row(figure, f"{value:.2f}{text}", "limit", bound, value)


def mae_share(evaluated, key):
    """Of the maximum, on day 1, in %: ours and the day before's."""
    first = evaluated["days"][0]
    return [100 * mae / evaluated["maximum"]
            for mae in (first["mae"], first["day_before"][key])]


def peer_of(leads):
    return next(iter(leads["peers"].values()))


def carbon_rows(name, evaluated):
    """Prints; returns by how many % the MAPE is below the peer's, day 1 and all."""
    better = []
    for leads, day, published in zip((evaluated["days"][0], evaluated["all"]), ("day 1", "96 h"),
                                     PUBLISHED_MAPE[name]):
        peer = peer_of(leads)
        beside(f"{name} carbon MAPE %, {day}", 100 * peer["mape"], 100 * peer["their_mape"],
               f"CarbonCast ({published})")
        better.append(100 * (1 - peer["mape"] / peer["their_mape"]))
    peer = peer_of(evaluated["all"])
    below(f"{name} carbon MAE, 96 h, of the peer's", peer["mae"] / peer["their_mae"], 1)
    return better


def generation_rows(name, evaluated):
    for source, title in (("wind_w", "wind"), ("pv_w", "solar")):
        own, day_before = mae_share(evaluated[source], "their_mae")
        below(f"{name} {title} MAE %, day 1; day before", own, day_before)
        if (name, source) in TIER_1:
            below(f"{name} {title} MAE %, day 1; CarbonCast", own, TIER_1[name, source])


def quality_rows(name, evaluated, kinds):
    """Coverage by day ahead, and ranks: prints rows, and how far coverage is from its band."""
    for key, title in kinds:
        for day, leads in enumerate(evaluated[key]["days"], 1):
            inside = 100 * leads["coverage_p10_p90"]
            off = max(COVERAGE[0] - inside, inside - COVERAGE[1], 0)
            print(f"{f'{name} {title} in P10-P90, day {day}':40}  {inside:>10.1f} %  "
                  f"{f'limit {COVERAGE[0]} to {COVERAGE[1]} %':26}  {1 + off / 100:.4f}")
        print(f"{name} {title}: hours of the next day in order (Spearman) "
              f"{evaluated[key]['rank_24h']:.3f}")


def price_rows(name, evaluated):
    first = evaluated[PRICE]["days"][0]
    week = first["week_before"]["their_mae"]
    for peer, figures in first["peers"].items():
        beside(f"{name} price rMAE, day 1", figures["mae"] / week, figures["their_mae"] / week,
               peer, 3)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    build, data = pathlib.Path(sys.argv[1]), series.folder("forecast.py")
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as workers:
        regions = {name: workers.submit(region, build, data, name) for name in REGIONS}
        prices = {name: workers.submit(price, build, data, name) for name in PRICES}
    try:
        regions = {name: running.result() for name, running in regions.items()}
        prices = {name: running.result() for name, running in prices.items()}
    except RuntimeError as error:
        sys.exit(f"forecast.py: {error}")
    better = [carbon_rows(name, evaluated[CARBON]) for name, evaluated in regions.items()]
    for day, gains in zip(("day 1", "96 h"), zip(*better)):
        mean = math.fsum(gains) / len(gains)
        series.row(f"carbon MAPE below CarbonCast's, {day}", f"{mean:.1f} %", "target", IMPROVEMENT,
                   mean)
    for name, evaluated in regions.items():
        generation_rows(name, evaluated)
    for name, evaluated in prices.items():
        price_rows(name, evaluated)
    for name, evaluated in regions.items():
        quality_rows(name, evaluated, ((CARBON, "carbon"), ("wind_w", "wind"), ("pv_w", "solar")))
    for name, evaluated in prices.items():
        quality_rows(name, evaluated, ((PRICE, "price"),))
    print("LEAR and DNN know forecasts of load and generation that are not in the files; prices "
          "are of 2016")
    print("MAE % is of the series' maximum; the sums on day 1 are over the hours 0 to 23 after "
          "00:00 UTC")


if __name__ == "__main__":
    main()

"""Compose, Prometheus and Grafana: valid files that name each other rightly and ask only for metrics that there are."""

from __future__ import annotations

import json
import re
import subprocess
import unittest
import urllib.request
from typing import Any

import metrics
import support
from support import DEPLOY

COMPOSE = DEPLOY / "compose.yaml"
PROMETHEUS = DEPLOY / "prometheus"
DASHBOARD = DEPLOY / "grafana" / "dashboards" / "asterism.json"
PROVISIONING = DEPLOY / "grafana" / "provisioning"
# What each image listens at, as its makers say.
PORTS = {"asterism": 8080, "prometheus": 9090, "grafana": 3000}
GRID_WIDTH = 24


def dashboard() -> dict[str, Any]:
    """The one dashboard."""
    return json.loads(DASHBOARD.read_text(encoding="utf-8"))


class ComposeTest(unittest.TestCase):
    def services(self) -> dict[str, Any]:
        return support.read_yaml(COMPOSE)["services"]

    def test_is_a_compose_file(self) -> None:
        answer = support.run(support.tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", COMPOSE)
        self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)

    def test_listens_to_this_machine_only(self) -> None:
        for name, service in self.services().items():
            self.assertEqual(service["ports"], [f"127.0.0.1:{PORTS[name]}:{PORTS[name]}"])

    def test_services_are_confined(self) -> None:
        for name, service in self.services().items():
            with self.subTest(name):
                self.assertTrue(service["read_only"])
                self.assertEqual(service["cap_drop"], ["ALL"])
                self.assertEqual(service["security_opt"], ["no-new-privileges:true"])

    def test_folders_and_volumes_are_there(self) -> None:
        volumes = support.read_yaml(COMPOSE)["volumes"]
        for service in self.services().values():
            for mount in service["volumes"]:
                source = mount.partition(":")[0]
                self.assertTrue((DEPLOY / source).exists() if source.startswith(".") else source in volumes, mount)
        build = self.services()["asterism"]["build"]
        self.assertTrue((DEPLOY / build["context"] / build["dockerfile"]).exists())

    def test_images_are_of_a_version(self) -> None:
        for service in self.services().values():
            self.assertRegex(service["image"], r":v?[0-9]+\.[0-9]+\.[0-9]+$")

    def test_options_are_those_of_the_program(self) -> None:
        known = support.serve_options()
        self.assertLessEqual(support.options_of(self.services()["asterism"]["command"]), known)

    def test_stopping_waits_for_requests_in_flight(self) -> None:
        period = self.services()["asterism"]["stop_grace_period"]
        self.assertGreater(support.seconds(period), support.drain_seconds())


class PrometheusTest(unittest.TestCase):
    def rules(self) -> list[dict[str, Any]]:
        return [rule for group in support.read_yaml(PROMETHEUS / "alerts.yml")["groups"] for rule in group["rules"]]

    def test_promtool_finds_nothing(self) -> None:
        answer = support.run(support.tool("promtool"), "check", "config", PROMETHEUS / "prometheus.yml")
        self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)

    def test_scrapes_the_services_of_the_compose_file(self) -> None:
        services = support.read_yaml(COMPOSE)["services"]
        config = support.read_yaml(PROMETHEUS / "prometheus.yml")
        scraped = {
            job["job_name"]: target
            for job in config["scrape_configs"]
            for entry in job["static_configs"]
            for target in entry["targets"]
        }
        self.assertEqual(scraped, {"asterism": "asterism:8080", "prometheus": "localhost:9090"})
        self.assertIn("asterism", services)
        for file in config["rule_files"]:
            self.assertTrue((PROMETHEUS / file).exists(), file)

    def test_alerts_ask_for_metrics_that_there_are(self) -> None:
        known = metrics.read_list()
        self.assertEqual([each for rule in self.rules() for each in metrics.problems(rule["expr"], known)], [])

    def test_alerts_say_what_and_where(self) -> None:
        for rule in self.rules():
            with self.subTest(rule["alert"]):
                self.assertEqual(set(rule), {"alert", "expr", "for", "labels", "annotations"})
                self.assertIn(rule["labels"]["severity"], ("page", "ticket"))
                self.assertEqual(set(rule["annotations"]), {"summary", "description"})
                # A label that the query's grouping takes away would be empty.
                for label in re.findall(r"\$labels\.(\w+)", str(rule["annotations"])):
                    if grouped := re.search(r"by \(([^)]*)\)", rule["expr"]):
                        self.assertIn(label, re.split(r",\s*", grouped[1]))

    def test_jobs_in_queries_are_those_that_are_scraped(self) -> None:
        jobs = {job["job_name"] for job in support.read_yaml(PROMETHEUS / "prometheus.yml")["scrape_configs"]}
        for query in [rule["expr"] for rule in self.rules()] + [target["expr"] for target in targets()]:
            self.assertLessEqual(set(re.findall(r'job="([^"]*)"', query)), jobs)


def targets() -> list[dict[str, Any]]:
    """The queries of all panels."""
    return [target for panel in dashboard()["panels"] for target in panel.get("targets", [])]


class DashboardTest(unittest.TestCase):
    def test_panels_ask_for_metrics_that_there_are(self) -> None:
        known = metrics.read_list()
        self.assertGreater(len(targets()), 10)
        self.assertEqual([each for target in targets() for each in metrics.problems(target["expr"], known)], [])

    def test_variables_ask_for_metrics_that_there_are(self) -> None:
        known = metrics.read_list()
        for variable in dashboard()["templating"]["list"]:
            ((name, label),) = re.findall(r"^label_values\((\w+), (\w+)\)$", variable["query"]["query"])
            self.assertIn(name, known)
            self.assertIn(label, known[name].labels | metrics.TARGET_LABELS)

    def test_legends_name_labels_that_the_query_keeps(self) -> None:
        for target in targets():
            kept = {
                word for group in re.findall(r"by \(([^)]*)\)", target["expr"]) for word in re.split(r",\s*", group)
            }
            self.assertLessEqual(set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])), kept, target["expr"])

    def test_source_is_the_one_that_is_provisioned(self) -> None:
        (source,) = support.read_yaml(PROVISIONING / "datasources" / "prometheus.yml")["datasources"]
        self.assertEqual(source["url"], f"http://prometheus:{PORTS['prometheus']}")
        asked = {each["datasource"]["uid"] for each in [*targets(), *dashboard()["templating"]["list"]]}
        self.assertEqual(asked, {source["uid"]})

    def test_is_found_by_its_provider(self) -> None:
        (provider,) = support.read_yaml(PROVISIONING / "dashboards" / "asterism.yml")["providers"]
        mounts = support.read_yaml(COMPOSE)["services"]["grafana"]["volumes"]
        self.assertIn(f"./grafana/dashboards:{provider['options']['path']}:ro", mounts)

    def test_panels_have_ids_of_their_own_and_do_not_overlap(self) -> None:
        panels = dashboard()["panels"]
        self.assertEqual(len({panel["id"] for panel in panels}), len(panels))
        cells: dict[tuple[int, int], str] = {}
        for panel in panels:
            place = panel["gridPos"]
            self.assertLessEqual(place["x"] + place["w"], GRID_WIDTH, panel["title"])
            for x in range(place["x"], place["x"] + place["w"]):
                for y in range(place["y"], place["y"] + place["h"]):
                    self.assertNotIn((x, y), cells, f"{panel['title']} over {cells.get((x, y))}")
                    cells[x, y] = panel["title"]


def scrape(server: subprocess.Popen[str]) -> str:
    """What /metrics of a server that has just been started answers."""
    assert server.stderr
    line = server.stderr.readline()
    found = re.search(r"http://127\.0\.0\.1:\d+", line)
    assert found, line
    with urllib.request.urlopen(f"{found[0]}/metrics", timeout=600) as answer:
        return answer.read().decode()


class MetricsListTest(unittest.TestCase):
    """The judge of queries judges."""

    def test_finds_what_there_is_not(self) -> None:
        known = metrics.read_list()
        for query, problem in (
            ("rate(te_request_counts[5m])", "te_request_counts is not in"),
            ("te_request_duration", "te_request_duration is not in"),
            ('asterism_queue_rows{prio="bulk"}', "has no label prio"),
            ("sum by (routes) (asterism_http_requests_total)", "no metric has the label routes"),
            ("1 + asterism_queue_row", "asterism_queue_row is not in"),
            ("sum by (le) (rate(asterism_queue_rows[5m]))", "no metric has the label le"),
            ("rate(te_request_count[5m]", "te_request_count"),
            ("1 + 1", "asks for no metric"),
        ):
            with self.subTest(query):
                self.assertIn(problem, " ".join(metrics.problems(query, known)))

    def test_every_metric_is_named_once(self) -> None:
        names = [name for name, *_ in metrics.lines()]
        self.assertEqual(sorted(names), sorted(set(names)))

    def test_server_gives_what_is_listed(self) -> None:
        support.serve_options()
        command = [str(support.PROGRAM), "serve", "-m", "builtin", "--port", "0"]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        try:
            text = scrape(server)
        finally:
            server.terminate()
            server.communicate(timeout=600)
        given = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE))
        self.assertEqual(given, {name: kind for name, kind, *_ in metrics.lines()})


if __name__ == "__main__":
    support.main()

"""The Helm chart: it lints, what it makes is valid Kubernetes, and values that contradict each other are refused."""

from __future__ import annotations

import json
import unittest
from typing import Any

import metrics
import support
from support import DEPLOY

CHART = DEPLOY / "helm" / "asterism"
ADAPTER = DEPLOY / "kubernetes" / "prometheus-adapter.yaml"
# Every branch of the templates is taken by one of these.
VALUES = {
    "defaults": [],
    "scaled": ["autoscaling.enabled=true", "podDisruptionBudget.maxUnavailable=30%"],
    "kept": ["persistence.enabled=true", "persistence.storageClassName=fast", "networkPolicy.allowModelDownload=false"],
    "guarded": ["apiKeys.existingSecret=keys", "tls.existingSecret=tls", "serviceAccount.create=false"],
    "placed": [
        "nodeSelector.pool=fast",
        "tolerations[0].operator=Exists",
        "imagePullSecrets[0].name=registry",
        "extraEnv[0].name=HF_TOKEN",
        "extraEnv[0].value=x",
        "extraArgs[0]=--log-level=debug",
        "networkPolicy.from[0].namespaceSelector.matchLabels.team=search",
        "networkPolicy.metricsFrom[0].namespaceSelector.matchLabels.team=monitoring",
        "podAnnotations.a=b",
        "service.annotations.a=b",
        "serviceAccount.annotations.a=b",
    ],
}


def helm(command: str, values: list[str]) -> tuple[int, str, str]:
    """Exit status, output and messages of a command of helm on the chart."""
    # Without a cluster helm supposes one that is older than any the chart is for.
    version = ["--kube-version", "1.34.0"]
    words = ["template", "release", str(CHART)] if command == "template" else [command, "--strict", str(CHART)]
    sets = [word for value in values for word in ("--set", value)]
    answer = support.run(support.tool("helm"), *words, *version, *sets)
    return answer.returncode, answer.stdout, answer.stderr


class ChartTest(unittest.TestCase):
    def render(self, values: list[str]) -> dict[str, Any]:
        """What the chart makes, by kind."""
        code, output, messages = helm("template", values)
        self.assertEqual(code, 0, messages)
        documents = [each for each in support.library("yaml").safe_load_all(output) if each]
        return {each["kind"]: each for each in documents}

    def refuse(self, values: list[str], reason: str) -> None:
        code, _, messages = helm("template", values)
        self.assertNotEqual(code, 0)
        self.assertIn(reason, messages)

    def container(self, values: list[str]) -> dict[str, Any]:
        (container,) = self.render(values)["Deployment"]["spec"]["template"]["spec"]["containers"]
        return container

    def test_lints(self) -> None:
        for name, values in VALUES.items():
            with self.subTest(name):
                code, output, messages = helm("lint", values)
                self.assertEqual(code, 0, output + messages)

    def test_makes_valid_resources(self) -> None:
        validate = support.library("kubernetes_validate").validate
        for name, values in VALUES.items():
            for kind, document in self.render(values).items():
                with self.subTest(f"{name}: {kind}"):
                    validate(document, "1.34.0", strict=True)

    def test_validation_finds_a_field_that_is_none(self) -> None:
        library = support.library("kubernetes_validate")
        deployment = self.render([])["Deployment"]
        deployment["spec"]["template"]["spec"]["containers"][0]["livenesProbe"] = {}
        with self.assertRaises(library.ValidationError):
            library.validate(deployment, "1.34.0", strict=True)

    def test_selectors_are_those_of_the_pods(self) -> None:
        made = self.render([])
        labels = made["Deployment"]["spec"]["template"]["metadata"]["labels"].items()
        for selector in (
            made["Deployment"]["spec"]["selector"]["matchLabels"],
            made["Service"]["spec"]["selector"],
            made["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
            made["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
        ):
            self.assertLessEqual(selector.items(), labels)

    def test_pods_are_unprivileged(self) -> None:
        pod = self.render([])["Deployment"]["spec"]["template"]["spec"]
        self.assertTrue(pod["securityContext"]["runAsNonRoot"])
        self.assertFalse(pod["automountServiceAccountToken"])
        context = pod["containers"][0]["securityContext"]
        self.assertEqual(context["capabilities"], {"drop": ["ALL"]})
        self.assertTrue(context["readOnlyRootFilesystem"])
        self.assertFalse(context["allowPrivilegeEscalation"])

    def test_probes_ask_for_health_by_the_scheme_that_is_served(self) -> None:
        for values, scheme in ([], None), (["tls.existingSecret=tls"], "HTTPS"):
            container = self.container(values)
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                asked = container[probe]["httpGet"]
                self.assertEqual((asked["path"], asked["port"], asked.get("scheme")), ("/health", "http", scheme))

    def test_options_are_those_of_the_program(self) -> None:
        known = support.serve_options()
        arguments = self.container(VALUES["guarded"])["args"]
        self.assertLessEqual(support.options_of(arguments), known)

    def test_pods_end_after_requests_in_flight(self) -> None:
        pod = self.render([])["Deployment"]["spec"]["template"]["spec"]
        sleep = int(pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1])
        self.assertGreater(pod["terminationGracePeriodSeconds"], sleep + support.drain_seconds())

    def test_scales_by_a_metric_that_the_server_and_the_adapter_have(self) -> None:
        made = self.render(VALUES["scaled"])
        self.assertNotIn("replicas", made["Deployment"]["spec"])
        (metric,) = made["HorizontalPodAutoscaler"]["spec"]["metrics"]
        name = metric["pods"]["metric"]["name"]
        (rule,) = support.read_yaml(ADAPTER)["rules"]["custom"]
        self.assertEqual(rule["name"]["as"], name)
        query = rule["metricsQuery"]
        for part, value in ("<<.GroupBy>>", "pod"), ("<<.Series>>", name), ("<<.LabelMatchers>>", 'namespace="a"'):
            self.assertIn(part, query)
            query = query.replace(part, value)
        known = metrics.read_list()
        for expression in (query, rule["seriesQuery"]):
            self.assertEqual(metrics.problems(expression, known), [])

    def test_one_writer_for_a_volume(self) -> None:
        self.refuse(["persistence.enabled=true", "autoscaling.enabled=true"], "expected at most one of them")
        self.refuse(["persistence.enabled=true", "replicaCount=2"], "replicaCount: expected 1")
        made = self.render(VALUES["kept"])
        self.assertEqual(made["Deployment"]["spec"]["strategy"], {"type": "Recreate"})
        claim = made["PersistentVolumeClaim"]
        self.assertEqual(claim["metadata"]["annotations"]["helm.sh/resource-policy"], "keep")
        volumes = made["Deployment"]["spec"]["template"]["spec"]["volumes"]
        self.assertIn(claim["metadata"]["name"], [v.get("persistentVolumeClaim", {}).get("claimName") for v in volumes])

    def test_values_that_are_none_are_refused(self) -> None:
        self.refuse(["replicaCount=0"], "replicaCount")
        self.refuse(["replicas=2"], "additional properties 'replicas' not allowed")
        self.refuse(["service.port=70000"], "port")
        self.refuse(["autoscaling.enabled=true", "autoscaling.minReplicas=20"], "minReplicas: expected at most")

    def test_schema_knows_every_value(self) -> None:
        schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
        values = support.read_yaml(CHART / "values.yaml")

        def compare(part: dict[str, Any], value: Any, path: str) -> None:
            if part.get("type") != "object" or part.get("additionalProperties") is not False:
                return
            self.assertEqual(set(part["properties"]) - {"global"}, set(value), path)
            for key, each in value.items():
                compare(part["properties"][key], each, f"{path}.{key}")

        compare(schema, values, "values")


if __name__ == "__main__":
    support.main()

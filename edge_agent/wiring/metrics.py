"""What a local Prometheus may scrape. Counts of what happened on this device; they are shown on the loopback only."""

from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from edge_agent import __version__
from edge_agent.model import events as ev
from edge_agent.model.decision import Decision, NoFill, Refusal, Selected


class Metrics:
    """Counters that the composition root feeds, and gauges that are read when somebody scrapes.

    `gauges` maps a metric's name to its help and the function that reads it.
    """

    def __init__(self, gauges: Mapping[str, tuple[str, Callable[[], float]]]) -> None:
        self._registry = CollectorRegistry()
        build = Gauge("edge_agent_build", "Always 1; the version is a label.", ["version"], registry=self._registry)
        build.labels(__version__).set(1)
        self._decisions = Counter(
            "edge_agent_decisions", "Moments answered.", ["moment", "outcome", "rule"], registry=self._registry
        )
        self._plays = Counter(
            "edge_agent_play_events", "Events that hooks proved.", ["event"], registry=self._registry
        )
        self._phrases = Counter("edge_agent_phrases_heard", "Phrases of the grammar heard.", registry=self._registry)
        for name, (text, read) in gauges.items():
            Gauge(f"edge_agent_{name}", text, registry=self._registry).set_function(read)

    def decided(self, decision: Decision) -> None:
        """Count a decision."""
        match decision.outcome:
            case Selected():
                outcome, rule = "selected", ""
            case NoFill():
                outcome, rule = "no_fill", ""
            case Refusal() as refusal:
                outcome, rule = "refused", refusal.rule.value
        self._decisions.labels(decision.moment.kind.value, outcome, rule).inc()

    def noticed(self, event: ev.Event) -> None:
        """Count what an event tells."""
        match event:
            case ev.PlayProgressed():
                self._plays.labels(event.event.kind.value).inc()
            case ev.PhraseHeard():
                self._phrases.inc()
            case _:
                pass

    def exposition(self) -> bytes:
        """Return the text exposition (https://prometheus.io/docs/instrumenting/exposition_formats/)."""
        return generate_latest(self._registry)

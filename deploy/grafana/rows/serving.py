"""Serving: what people wait for."""

from deploy.grafana.panels import Panel, PanelQuery, PanelRow
from deploy.grafana.promql import quantile, quantiles, rate, share

API = "millstream_serving_requests_total"
# Without /metrics, /readyz and the pages.
OF_API = 'route=~"/v1/.*"'


def _of_questions(counter: str) -> PanelQuery:
    questions = rate("millstream_serving_list_questions_total")
    return PanelQuery(f"{rate(counter, by='stage')} / on () group_left () {questions}", "{{stage}}")


SERVING = PanelRow(
    "Serving: what people wait for",
    [
        Panel(
            "Requests by route",
            "HTTP requests per second.",
            "reqps",
            [PanelQuery(rate(API, by="route"), "{{route}}")],
        ),
        Panel(
            "Failed requests",
            "Share of the API's requests that ended with a 4xx or a 5xx. A 5xx is never meant.",
            "percentunit",
            [
                PanelQuery(share(f'{API}{{{OF_API},status=~"4.."}}', f"{API}{{{OF_API}}}"), "4xx"),
                PanelQuery(share(f'{API}{{{OF_API},status=~"5.."}}', f"{API}{{{OF_API}}}"), "5xx"),
            ],
            bad_from=0.01,
        ),
        Panel(
            "Latency",
            "Latency of recommend requests, as the worker measures it.",
            "s",
            quantiles("millstream_serving_request_seconds", matchers='route="/v1/recommend"'),
            bad_from=0.1,
        ),
        Panel(
            "Latency by stage, p99",
            "Reading the user, retrieving, ranking, arranging.",
            "s",
            [
                PanelQuery(
                    quantile(0.99, "millstream_serving_stage_seconds", by="stage"),
                    "{{stage}}",
                )
            ],
        ),
        Panel(
            "Degraded answers",
            "Share of lists that had to do without something, by what was missing.",
            "percentunit",
            [
                PanelQuery(
                    rate("millstream_serving_degraded_total", by="reason")
                    + " / on () group_left () "
                    + rate('millstream_serving_stage_seconds_count{stage="user"}'),
                    "{{reason}}",
                )
            ],
            bad_from=0.05,
        ),
        Panel(
            "Events untold",
            "Events posted to one worker that another one behind the same port had no room for.",
            "cps",
            [PanelQuery(rate("millstream_serving_untold_events_total"), "events")],
        ),
        Panel(
            "Lists by placement",
            "Lists made per second, by the placement that was asked for.",
            "cps",
            [PanelQuery(rate("millstream_serving_lists_total", by="placement"), "{{placement}}")],
        ),
        Panel(
            "Time of a list by placement, p99",
            "From the request to the list, by placement.",
            "s",
            [
                PanelQuery(
                    quantile(0.99, "millstream_serving_list_seconds", by="placement"),
                    "{{placement}}",
                )
            ],
        ),
        Panel(
            "Candidates by source",
            "Sources of the candidates that are ranked.",
            "cps",
            [PanelQuery(rate("millstream_serving_candidates_total", by="source"), "{{source}}")],
        ),
        Panel(
            "HR@20 of lists",
            "Share of positives that were in a list of 20 made just before them, over the whole "
            "corpus; by stage and by source alone. The list should stand above every source.",
            "percentunit",
            [_of_questions("millstream_serving_list_hits_total")],
        ),
        Panel(
            "NDCG@20 of lists",
            "The same, weighed by the place of the right answer.",
            "percentunit",
            [_of_questions("millstream_serving_list_gains_total")],
        ),
        Panel(
            "Fused order and diversity",
            "Mean NDCG@20 of the fused order less that of the ranker, over the questions of late, "
            "the share of workers whose lists are in it, and the share of its configured strength "
            "that diversity has.",
            "short",
            [
                PanelQuery("avg(millstream_serving_fusion_ahead)", "ahead of the ranker"),
                PanelQuery("avg(millstream_serving_fusion_in_use)", "in use"),
                PanelQuery("avg(millstream_serving_diversity_share)", "diversity"),
            ],
        ),
        Panel(
            "Weights of the fused order",
            "By column of evidence, in its standard deviations within a list.",
            "short",
            [PanelQuery("avg by (column) (millstream_serving_fusion_weight)", "{{column}}")],
        ),
    ],
)

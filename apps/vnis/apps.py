from django.apps import AppConfig


class VnisConfig(AppConfig):
    name = "apps.vnis"
    label = "vnis"

    def ready(self) -> None:
        from django.urls import reverse

        from apps.history import kinds, metrics
        from apps.vnis import findings, queries, usage

        metrics.register(*usage.METRICS)
        kinds.register(*findings.KINDS)
        kinds.register_page("vni", lambda zone, vni: reverse("vnis:vni_detail", args=[zone.slug, vni]))
        kinds.register_page("vni-range", lambda _zone, row: reverse("vnis:range_detail", args=[row]))
        kinds.register_name("vni-range", queries.name_of_range)

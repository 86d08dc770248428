from django.apps import AppConfig


class ReachabilityConfig(AppConfig):
    name = "apps.reachability"
    label = "reachability"

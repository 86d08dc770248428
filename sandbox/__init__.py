"""Two small authoritative services that answer like CloudStack 4.22 and Netris 4.15.

They know nothing of Weft. Tests mount them in process (`http.transport`), the demo serves them on loopback
(`http.serve`); either way the same code answers, keeps its state in one `Store` and obeys the same `Faults`.
"""

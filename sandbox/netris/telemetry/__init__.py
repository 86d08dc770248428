"""What is alive and how busy it is: health, load, time series, dashboards."""

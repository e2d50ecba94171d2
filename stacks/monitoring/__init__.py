"""Topic, alarms and dashboards."""

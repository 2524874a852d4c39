"""The live stream of events: one tailer a web process, bounded queues, the table behind it all."""

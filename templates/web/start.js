// Which page this is.
{
  const page = island('page-data');
  const run = island('run-data');
  const history = island('history-data');
  const live = island('live-data');
  if (live) livePage(live);
  else if (history) historyPage(history);
  else if (page) profilePage(page);
  else if (run) reportPage(run);
}

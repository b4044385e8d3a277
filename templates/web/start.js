// Which page this is.
{
  const page = island('page-data');
  const run = island('run-data');
  if (page) profilePage(page);
  else if (run) reportPage(run);
}

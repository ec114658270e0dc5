// Runs before anything is painted, so that a chosen theme does not flash by way of the other one. The rest is shell/theme.ts.
try {
  const theme = localStorage.getItem('stowage-theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // Without storage the system's own theme is used.
}

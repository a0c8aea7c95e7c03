/** What an exchange with the remote did, in words. */
export function describeExchange(exchange: {
  sent: number | undefined;
  received: number | undefined;
  main: string | undefined;
}): string {
  const { sent, received, main } = exchange;
  const moved = [
    ...(sent ? [`sent ${sent}`] : []),
    ...(received ? [`received ${received}`] : []),
    ...(sent === 0 && received === 0 ? ['nothing was new'] : []),
  ].join(', ');
  const where = main === undefined ? 'the remote is empty' : `main is at ${main.slice(0, 7)}`;
  return moved === '' ? where : `${moved}; ${where}`;
}

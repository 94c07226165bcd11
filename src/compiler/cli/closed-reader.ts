/** A reader that has read enough (`mdl explain-plan … | head`) ends the program, and nothing is wrong. Imported for this effect. */
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });
}

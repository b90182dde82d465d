/** The server as it is; on SIGUSR2 it collects its garbage, and says so. */
import '../../server/main.ts'

process.on('SIGUSR2', () => {
  globalThis.gc?.()
  console.log('collected')
})

import type { JsonRecord } from './repository.ts'

/** What each business finds in the embedded repository in open mode: something to try the examples on. */
export const SEED: Readonly<Record<string, readonly JsonRecord[]>> = {
  appointments: [
    {
      id: 'apt_1',
      customerId: 'cus_1',
      serviceId: 'srv_1',
      date: '2026-12-01',
      time: '09:00',
      status: 'pending',
    },
    {
      id: 'apt_2',
      customerId: 'cus_2',
      serviceId: 'srv_2',
      date: '2026-12-01',
      time: '10:30',
      status: 'confirmed',
    },
    {
      id: 'apt_3',
      customerId: 'cus_3',
      serviceId: 'srv_1',
      date: '2026-12-02',
      time: '11:00',
      status: 'pending',
    },
    {
      id: 'apt_4',
      customerId: 'cus_1',
      serviceId: 'srv_3',
      date: '2026-12-03',
      time: '16:15',
      status: 'cancelled',
    },
  ],
  customers: [
    { id: 'cus_1', name: 'Ana Ionescu', email: 'ana@example.com', city: 'București' },
    { id: 'cus_2', name: 'Mihai Popa', email: 'mihai@example.com', city: 'Cluj-Napoca' },
    { id: 'cus_3', name: 'Ioana Radu', email: 'ioana@example.com', city: 'Iași' },
  ],
  services: [
    { id: 'srv_1', name: 'Consultație', durationMinutes: 30, price: 150 },
    { id: 'srv_2', name: 'Control', durationMinutes: 20, price: 100 },
    { id: 'srv_3', name: 'Tratament', durationMinutes: 60, price: 320 },
  ],
}

/** A customer of the demo shop, with everything that should not leave it. */
export interface Customer {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly phone: string;
  readonly card: string;
  readonly ssn: string;
  readonly orders: number;
}

/** The demo's customers. All invented; the card number is a well-known test number. */
export const customers: readonly Customer[] = [
  {
    id: 'C-1001',
    name: 'Maria Keller',
    email: 'maria.keller@shop.example',
    phone: '+49 30 901820',
    card: '4111 1111 1111 1111',
    ssn: '536-22-1789',
    orders: 3,
  },
  {
    id: 'C-1002',
    name: 'John Ekdahl',
    email: 'john.ekdahl@shop.example',
    phone: '+1 212 555 0142',
    card: '5555 5555 5555 4444',
    ssn: '219-09-9998',
    orders: 1,
  },
];

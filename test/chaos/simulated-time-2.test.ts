import { simulateHalf } from './simulated-time.ts';

simulateHalf(2);

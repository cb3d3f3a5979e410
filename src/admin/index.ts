export { startAdminServer, type AdminPage, type AdminServer } from './server.ts';

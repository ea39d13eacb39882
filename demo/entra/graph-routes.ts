import express, { type Express, type Request, type Response } from 'express';
import { z } from 'zod';
import type { Directory } from './directory.js';

/** Graph takes so many ids in one question. */
const maxGroupIds = 20;

const checkSchema = z.object({ groupIds: z.array(z.string()).min(1).max(maxGroupIds) });
const objectsSchema = z.object({ securityEnabledOnly: z.boolean() });

/** The two questions about memberships that Graph answers for applications. */
export function addGraphRoutes(app: Express, directory: Directory): void {
  const json = express.json();
  app.post('/v1.0/users/:oid/checkMemberGroups', json, (request, response) => {
    answer(directory, request, response, (groups) => {
      const asked = checkSchema.safeParse(request.body).data;
      return asked?.groupIds.filter((id) => groups.includes(id));
    });
  });
  app.post('/v1.0/users/:oid/getMemberObjects', json, (request, response) => {
    answer(directory, request, response, (groups) => {
      return objectsSchema.safeParse(request.body).success ? groups : undefined;
    });
  });
}

function answer(
  directory: Directory,
  request: Request<{ oid: string }>,
  response: Response,
  memberships: (groups: readonly string[]) => readonly string[] | undefined,
): void {
  if (directory.isOut('graph')) return refuse(response, 503, 'serviceNotAvailable');
  if (!/^Bearer \S+$/i.test(request.headers.authorization ?? '')) {
    return refuse(response, 401, 'InvalidAuthenticationToken');
  }
  const groups = directory.groupsOf(request.params.oid);
  if (groups === undefined) return refuse(response, 404, 'Request_ResourceNotFound');
  const value = memberships(groups);
  if (value === undefined) return refuse(response, 400, 'Request_BadRequest');
  response.json({ '@odata.context': '#Collection(Edm.String)', value });
}

function refuse(response: Response, status: number, code: string): void {
  response.status(status).json({ error: { code, message: `The stand-in says: ${code}.` } });
}

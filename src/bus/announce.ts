import type { Clock, Timer } from "../runtime/interface/clock.ts";
import type { Bus } from "./bus.ts";
import { registerIntervalOf } from "./start-message.ts";

/** The route that an app wants. */
export interface RouteAnnouncement {
  readonly uris: readonly string[];
  readonly host: string;
  readonly port: number;
  readonly tags?: Readonly<Record<string, string>>;
  /** Application id; instance id and index of the one instance this is. */
  readonly app?: string;
  readonly privateInstanceId?: string;
  readonly privateInstanceIndex?: string;
  /** Milliseconds between two registrations; default: what the router asks for, 20 s until it has answered. */
  readonly intervalMs?: number;
}

/** A route that is being kept. */
interface Announcement {
  /** Takes the route back and resolves when the server has taken the message. */
  stop(): Promise<void>;
}

const defaultIntervalMs = 20_000;

/** Undefined values are left out by `JSON.stringify`. */
function registryMessage(route: RouteAnnouncement): string {
  return JSON.stringify({
    uris: route.uris,
    host: route.host,
    port: route.port,
    app: route.app,
    private_instance_id: route.privateInstanceId,
    private_instance_index: route.privateInstanceIndex,
    tags: route.tags,
  });
}

/**
 * Registers a route and keeps it: at once, whenever a router starts or the bus reconnects, and at an interval
 * (control-plane §2.2-2.3). The bus stays the caller's.
 */
export function announceRoute(bus: Bus, clock: Clock, route: RouteAnnouncement): Announcement {
  const message = registryMessage(route);
  let asked = defaultIntervalMs;
  let timer: Timer | undefined;
  let stopped = false;

  const register = (): void => {
    if (stopped) return;
    timer?.cancel();
    timer = clock.after(route.intervalMs ?? asked, register);
    // Registrations need not queue up while disconnected: the reconnect registers anew.
    if (bus.connected) bus.publish("router.register", message);
  };
  const answered = (payload: Uint8Array): void => {
    const seconds = registerIntervalOf(payload);
    if (seconds !== undefined) asked = seconds * 1000;
    register();
  };

  const inbox = bus.inbox();
  const subscriptions = [
    bus.subscribe("router.start", ({ payload }) => answered(payload)),
    bus.subscribe(inbox, ({ payload }) => answered(payload)),
  ];
  bus.onReconnect(register);
  register();
  bus.publish("router.greet", "{}", inbox);

  return {
    async stop() {
      if (stopped) return;
      stopped = true;
      timer?.cancel();
      for (const subscription of subscriptions) subscription.unsubscribe();
      bus.publish("router.unregister", message);
      await bus.flush();
    },
  };
}

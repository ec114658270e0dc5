import { useLocation } from 'preact-iso/router';
import type { Overview } from '../api/overview.ts';
import { useQuery } from '../live/query.ts';
import { hasRole, sessionView } from '../session/session.ts';
import { Count } from '../ui/badge.tsx';
import { Icon } from '../ui/icon.tsx';
import { BEYOND, PLACES, type Place } from './places.ts';

const DEAD_LETTER_EVENTS = ['job.dead', 'job.redriven', 'job.discarded'];

export function Navigation() {
  const { path } = useLocation();
  const overview = useQuery<Overview>('/v1/overview', ({ type }) => DEAD_LETTER_EVENTS.includes(type));
  const dead = overview.data?.jobs.byState.dead ?? 0;
  const isHere = ({ href }: Place): boolean =>
    href === '/console/' ? path === '/console' : path === href || path.startsWith(`${href}/`);
  return (
    <nav class="navigation" aria-label="Pages">
      {PLACES.map((group) => (
        <ul key={group[0]?.href}>
          {group
            .filter(({ needs }) => needs === undefined || hasRole(needs))
            .map((place) => (
              <li key={place.href}>
                <a href={place.href} aria-current={isHere(place) ? 'page' : undefined}>
                  <Icon name={place.icon} />
                  <span>{place.title}</span>
                  {place.icon === 'dead' && dead > 0 && <Count value={dead} isBad label="dead letters" />}
                </a>
              </li>
            ))}
        </ul>
      ))}
      <ul class="beyond">
        {BEYOND.filter(({ needs }) => needs === undefined || hasRole(needs)).map(({ href, title }) => (
          <li key={href}>
            <a href={href} target="_blank" rel="noopener">
              <Icon name="external" />
              <span>
                {title}
                <span class="hidden-visually"> (opens another page)</span>
              </span>
            </a>
          </li>
        ))}
      </ul>
      {sessionView.value?.version !== undefined && <p class="version muted">Stowage {sessionView.value.version}</p>}
    </nav>
  );
}

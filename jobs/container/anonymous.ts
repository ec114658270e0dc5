/** Docker's label of volumes that were made for one container. */
export const ANONYMOUS_LABEL = 'com.docker.volume.anonymous';
